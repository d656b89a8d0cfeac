import Tensors

/// Thrown by a tap to end a forward pass there: what follows is not wanted, or not yet.
public struct ForwardPassEnded: Error {
    public init() {}
}

/// What happens at a model's sites during a forward pass: nothing, transports, a tap, or both.
///
/// Model code hands every site's activation through ``rmsNorm(_:gain:epsilon:at:)``, ``linear(_:weight:bias:residual:at:)`` or
/// ``visit(_:at:)`` and knows no more. Where nothing is installed this is the plain operation; where maps are installed they are
/// fused into it; a tap then sees the activation as it goes on.
public struct ForwardContext {
    /// Sees the steered activation of a site, `[rows, channels]`; may throw ``ForwardPassEnded``.
    public typealias Tap = (_ site: Site, _ activation: Tensor) throws -> Void

    public let backend: any Backend
    /// By site index; empty when no site is steered.
    private let transports: [[TransportApplication]]
    /// By site index; empty when no site is tapped.
    private let isTapped: [Bool]
    private let tap: Tap?
    /// Products that a pass computed before it stopped within a stage.
    private let kept: KeptProducts?

    /// - Parameters:
    ///   - transports: The maps of each site, by site index; empty for none anywhere.
    ///   - tapped: The indices of the sites that `tap` sees.
    ///   - siteCount: The number of sites of the model.
    public init(
        backend: any Backend, transports: [[TransportApplication]] = [], tapped: [Int] = [], siteCount: Int = 0, tap: Tap? = nil
    ) {
        self.init(backend: backend, transports: transports, tapped: tapped, siteCount: siteCount, kept: nil, tap: tap)
    }

    /// - Parameter kept: Receives the products of tapped sites, and spares the pass those that it holds already.
    package init(
        backend: any Backend, transports: [[TransportApplication]], tapped: [Int], siteCount: Int, kept: KeptProducts?, tap: Tap?
    ) {
        self.backend = backend
        self.transports = transports
        var isTapped = [Bool](repeating: false, count: tapped.isEmpty ? 0 : siteCount)
        for index in tapped { isTapped[index] = true }
        self.isTapped = isTapped
        self.tap = tap
        self.kept = kept
    }

    /// Whether the tap wants to see every row of this site.
    public func taps(_ site: Site) -> Bool { !isTapped.isEmpty && isTapped[site.index] }

    /// Whether this site has to be given all rows of the batch: for a tap, or for maps that differ from row to row.
    public func needsEveryRow(at site: Site) -> Bool {
        taps(site) || installed(at: site).contains { $0.indices.shape.count > 1 || $0.strengths.shape.count > 1 }
    }

    private func installed(at site: Site) -> [TransportApplication] { transports.isEmpty ? [] : transports[site.index] }

    private func observe(_ activation: Tensor, at site: Site) throws -> Tensor {
        if taps(site) { try tap?(site, activation) }
        return activation
    }

    /// The activation after the site's maps; the given tensor is left as it is.
    private func steered(_ x: Tensor, at site: Site) throws -> Tensor {
        var y: Tensor?
        for map in installed(at: site) { y = try backend.transport(y ?? x, by: map, into: y) }
        return y ?? x
    }

    /// ``Backend/rmsNorm(_:gain:epsilon:transports:as:into:)`` whose result is a site.
    /// - Parameter dtype: The type of the result; nil for x's.
    public func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, as dtype: DType? = nil, at site: Site) throws -> Tensor {
        try observe(backend.rmsNorm(x, gain: gain, epsilon: epsilon, transports: installed(at: site), as: dtype), at: site)
    }

    /// ``Backend/linear(_:weight:bias:epilogue:as:into:)`` whose result, before the residual is added, is a site.
    /// - Parameter dtype: The type of the result; nil for x's.
    public func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor? = nil, residual: Tensor? = nil, as dtype: DType? = nil, at site: Site
    ) throws -> Tensor {
        guard taps(site) || kept?[site] != nil else {
            return try backend.linear(
                x, weight: weight, bias: bias, epilogue: Epilogue(transports: installed(at: site), residual: residual), as: dtype)
        }
        let product = try kept?[site] ?? backend.linear(x, weight: weight, bias: bias, as: dtype)
        if taps(site) { kept?[site] = product }
        let y = try observe(steered(product, at: site), at: site)
        guard let residual else { return y }
        return try backend.add(y, residual)
    }

    /// A site whose activation is already there.
    public func visit(_ x: Tensor, at site: Site) throws -> Tensor { try observe(steered(x, at: site), at: site) }
}

/// The matrix products of tapped sites, before their maps, by site: what a pass that stops at a site need not compute again when it
/// goes on from the last stage that it completed.
package final class KeptProducts {
    package var bySite: [Int: Tensor] = [:]

    package init() {}

    subscript(site: Site) -> Tensor? {
        get { bySite[site.index] }
        set { bySite[site.index] = newValue }
    }
}
