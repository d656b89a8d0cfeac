/// A transport map of one site: for each neuron `T(x) = ω·x + β`, applied where `low < x < high`.
///
/// With strength λ the neuron becomes `y = x + λ·(T(x) − x)` inside the support and stays x, bit for bit, outside of it and
/// wherever λ = 0 (Rodríguez et al., "Controlling Language and Diffusion Models by Transporting Activations", ICLR 2025, eq. 5–7).
/// λ is any real number; [0, 1] is the calibrated range.
public struct AffineMap: Sendable, Equatable {
    /// ω of each neuron.
    public var omega: [Float]
    /// β of each neuron.
    public var beta: [Float]
    /// The open lower end of each neuron's support; −∞ for none.
    public var low: [Float]
    /// The open upper end of each neuron's support; +∞ for none.
    public var high: [Float]

    /// - Precondition: the four arrays have one length.
    public init(omega: [Float], beta: [Float], low: [Float], high: [Float]) {
        precondition(
            omega.count == beta.count && omega.count == low.count && omega.count == high.count,
            "a map has one ω, β, low and high a neuron")
        self.omega = omega
        self.beta = beta
        self.low = low
        self.high = high
    }

    /// The map that leaves every neuron alone: ω = 1, β = 0, and a support without points.
    public static func identity(channels: Int) -> AffineMap {
        AffineMap(
            omega: Array(repeating: 1, count: channels), beta: Array(repeating: 0, count: channels),
            low: Array(repeating: .infinity, count: channels), high: Array(repeating: -.infinity, count: channels))
    }

    /// The map that damps neurons by how well they tell the source from the target (AurA: Suau et al., "Whispering Experts", ICML 2024):
    /// ω = 1 − 2·(AUROC − ½) where AUROC > ½ and 1 elsewhere, β = 0, everywhere.
    /// - Parameter auroc: For each neuron the probability that an activation of the source exceeds one of the target.
    public static func aurA(auroc: [Float]) -> AffineMap {
        AffineMap(
            omega: auroc.map { $0 > 0.5 ? 1 - 2 * ($0 - 0.5) : 1 }, beta: Array(repeating: 0, count: auroc.count),
            low: Array(repeating: -.infinity, count: auroc.count), high: Array(repeating: .infinity, count: auroc.count))
    }

    /// The number of neurons.
    public var channels: Int { omega.count }

    /// The value of one neuron after the map.
    public func apply(_ x: Float, neuron: Int, strength: Float) -> Float {
        guard strength != 0, low[neuron] < x, x < high[neuron] else { return x }
        return x + strength * ((omega[neuron] * x + beta[neuron]) - x)
    }

    /// The map back: `T⁻¹(y) = (y − β)/ω` on the image of the support.
    ///
    /// A neuron with ω = 0 has sent its support to one point and cannot come back: it gets the identity.
    public var inverse: AffineMap {
        var result = AffineMap.identity(channels: channels)
        for j in 0..<channels where omega[j] != 0 && omega[j].isFinite {
            let ends = [low[j], high[j]].map { $0.isInfinite ? $0 * (omega[j] < 0 ? -1 : 1) : omega[j] * $0 + beta[j] }
            guard low[j] < high[j] else { continue }
            result.omega[j] = 1 / omega[j]
            result.beta[j] = -beta[j] / omega[j]
            result.low[j] = min(ends[0], ends[1])
            result.high[j] = max(ends[0], ends[1])
        }
        return result
    }

    /// The map as a device reads it: (ω, β, low, high) of each neuron in turn.
    public var interleaved: [Float] {
        var elements = [Float]()
        elements.reserveCapacity(4 * channels)
        for j in 0..<channels { elements += [omega[j], beta[j], low[j], high[j]] }
        return elements
    }
}
