import Foundation

/// Noise levels that do not follow from training steps but lie between a highest and a lowest by a rule of their own.
enum SigmaSpacing {
    /// Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022, equation 5 with ρ = 7.
    case karras
    case exponential

    /// `count` levels, falling.
    func levels(from highest: Double, to lowest: Double, count: Int) -> [Double] {
        switch self {
        case .karras:
            let (low, high) = (pow(lowest, 1 / 7), pow(highest, 1 / 7))
            return Numbers.linear(0, 1, count).map { pow(high + $0 * (low - high), 7) }
        case .exponential: return Numbers.linear(log(highest), log(lowest), count).map { exp($0) }
        }
    }

    /// The training step, not whole, that has a noise level: between the two nearest by their logarithms.
    static func timestep(of sigma: Double, logarithms: [Float]) -> Double {
        let logarithm = log(max(sigma, 1e-10))
        let low = min(logarithms.lastIndex { logarithm - Double($0) >= 0 } ?? 0, logarithms.count - 2)
        let (below, above) = (Double(logarithms[low]), Double(logarithms[low + 1]))
        let share = min(max((below - logarithm) / (below - above), 0), 1)
        return (1 - share) * Double(low) + share * Double(low + 1)
    }
}
