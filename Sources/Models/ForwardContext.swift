import Tensors

/// Thrown through a forward pass once the last site that is wanted has been seen: what follows would be thrown away.
public struct ForwardPassEnded: Error {
    public init() {}
}

/// What happens at a model's sites during a forward pass: nothing, transports, a tap, or both.
///
/// Model code hands every site's activation through ``rmsNorm(_:gain:epsilon:at:)``, ``linear(_:weight:bias:residual:at:)`` or
/// ``visit(_:at:)`` and knows no more. Where nothing is installed this is the plain operation; where maps are installed they are
/// fused into it; a tap then sees the activation as it goes on, and may hand back one more map.
public struct ForwardContext {
    /// Sees the steered activation of a site, `[rows, channels]`, and may return a map to apply before the pass goes on.
    public typealias Tap = (_ site: Site, _ activation: Tensor) throws -> TransportApplication?

    public let backend: any Backend
    /// By site index; empty when no site is steered.
    private let transports: [[TransportApplication]]
    /// By site index; empty when no site is tapped.
    private let isTapped: [Bool]
    private let tap: Tap?

    /// - Parameters:
    ///   - transports: The maps of each site, by site index; empty for none anywhere.
    ///   - tapped: The indices of the sites that `tap` sees.
    ///   - siteCount: The number of sites of the model.
    public init(
        backend: any Backend, transports: [[TransportApplication]] = [], tapped: [Int] = [], siteCount: Int = 0, tap: Tap? = nil
    ) {
        self.backend = backend
        self.transports = transports
        var isTapped = [Bool](repeating: false, count: tapped.isEmpty ? 0 : siteCount)
        for index in tapped { isTapped[index] = true }
        self.isTapped = isTapped
        self.tap = tap
    }

    /// Whether the tap wants to see every row of this site.
    public func taps(_ site: Site) -> Bool { !isTapped.isEmpty && isTapped[site.index] }

    /// Whether this site has to be given all rows of the batch: for a tap, or for maps that differ from row to row.
    public func needsEveryRow(at site: Site) -> Bool {
        taps(site) || installed(at: site).contains { $0.indices.shape.count > 1 || $0.strengths.shape.count > 1 }
    }

    private func installed(at site: Site) -> [TransportApplication] { transports.isEmpty ? [] : transports[site.index] }

    private func observe(_ activation: Tensor, at site: Site) throws -> Tensor {
        guard taps(site), let map = try tap?(site, activation) else { return activation }
        return try backend.transport(activation, by: map, into: activation)
    }

    /// ``Backend/rmsNorm(_:gain:epsilon:transports:into:)`` whose result is a site.
    public func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, at site: Site) throws -> Tensor {
        try observe(backend.rmsNorm(x, gain: gain, epsilon: epsilon, transports: installed(at: site)), at: site)
    }

    /// ``Backend/linear(_:weight:bias:epilogue:into:)`` whose result, before the residual is added, is a site.
    public func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil, residual: Tensor? = nil, at site: Site) throws -> Tensor {
        let fused = taps(site) ? nil : residual
        let y = try backend.linear(
            x, weight: weight, bias: bias, epilogue: Epilogue(transports: installed(at: site), residual: fused))
        guard taps(site) else { return y }
        let observed = try observe(y, at: site)
        guard let residual else { return observed }
        return try backend.add(observed, residual)
    }

    /// A site whose activation is already there: nobody else reads `x` afterwards, so it is changed in place.
    public func visit(_ x: Tensor, at site: Site) throws -> Tensor {
        for map in installed(at: site) { _ = try backend.transport(x, by: map, into: x) }
        return try observe(x, at: site)
    }
}
