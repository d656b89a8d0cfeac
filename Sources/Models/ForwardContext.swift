import Tensors

/// Thrown by a tap to end a forward pass there: what follows is not wanted, or not yet.
public struct ForwardPassEnded: Error {
    public init() {}
}

/// What happens at a model's sites during a forward pass: nothing, transports, a tap, or both.
///
/// Model code hands every site's activation through the layer that makes it, such as ``linear(_:weight:bias:residual:at:)``, or through
/// ``visit(_:at:)``, and knows no more. Where nothing is installed this is the plain operation; where maps are installed they are
/// fused into it; a tap then sees the activation as it goes on.
public struct ForwardContext {
    /// Sees the steered activation of a site, `[rows, channels]` or `[images, …, channels]`; may throw ``ForwardPassEnded``.
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

    /// Whether anything happens at this site.
    func acts(at site: Site) -> Bool { taps(site) || !installed(at: site).isEmpty }

    private func installed(at site: Site) -> [TransportApplication] { transports.isEmpty ? [] : transports[site.index] }

    /// The maps of a site as they act on an activation of the given shape.
    func installed(at site: Site, on shape: Shape) -> [TransportApplication] {
        let maps = installed(at: site)
        // Every token of every step comes here, and on tokens all maps are suited as they are.
        return maps.allSatisfy { $0.isSuited(to: shape) } ? maps : maps.map { $0.suited(to: shape) }
    }

    /// Whether a site's product can be computed together with others: no tap sees it, no pass holds it, and one map at most acts on it, of each element by itself.
    func isFusable(_ site: Site) -> Bool {
        let maps = installed(at: site)
        return !taps(site) && kept?[site] == nil && (maps.isEmpty || maps.count == 1 && maps[0].isFusable)
    }

    func observe(_ activation: Tensor, at site: Site) throws -> Tensor {
        if taps(site) { try tap?(site, activation) }
        return activation
    }

    /// The activation after the site's maps; the given tensor is left as it is.
    private func steered(_ x: Tensor, at site: Site) throws -> Tensor {
        var y: Tensor?
        for map in installed(at: site, on: x.shape) { y = try backend.transport(y ?? x, by: map, into: y) }
        return y ?? x
    }

    /// ``Backend/rmsNorm(_:gain:epsilon:transports:as:into:)`` whose result is a site.
    /// - Parameter dtype: The type of the result; nil for x's.
    public func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, as dtype: DType? = nil, at site: Site) throws -> Tensor {
        let maps = installed(at: site, on: x.shape)
        return try observe(backend.rmsNorm(x, gain: gain, epsilon: epsilon, transports: maps, as: dtype), at: site)
    }

    /// ``Backend/linear(_:weight:bias:epilogue:as:into:)`` whose result, before the residual is added, is a site.
    /// - Parameter dtype: The type of the result; nil for x's.
    public func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor? = nil, residual: Tensor? = nil, as dtype: DType? = nil, at site: Site
    ) throws -> Tensor {
        try product(at: site, of: x, residual: residual) {
            try backend.linear(x, weight: weight, bias: bias, epilogue: $0, as: dtype)
        }
    }

    /// A matrix product or a convolution whose result, before the residual is added, is a site: with the maps fused into it, or, where
    /// the site is tapped or the pass holds the product already, step by step.
    ///
    /// - Parameter x: The input, which has pixels where the result has.
    func product(at site: Site, of x: Tensor, residual: Tensor?, _ compute: (Epilogue) throws -> Tensor) throws -> Tensor {
        guard taps(site) || kept?[site] != nil else {
            return try compute(Epilogue(transports: installed(at: site, on: x.shape), residual: residual))
        }
        let product = try kept?[site] ?? compute(.none)
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
