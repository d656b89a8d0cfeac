import Foundation
import Tensors

extension Activation {
    /// The function's value in Float64; its limit for ±∞.
    func callAsFunction(_ x: Double) -> Double {
        // The factor tends to 0 faster than x grows.
        if x == -.infinity, vanishesBelow { return 0 }
        return switch self {
        case .identity: x
        case .silu: x / (1 + exp(-x))
        // The complementary function keeps the digits of the lower tail, where 1 + erf would cancel.
        case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
        // ½·(1 + tanh(t)) = 1 / (1 + exp(−2t)), again without cancelling.
        case .geluTanh: x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .geluQuick: x / (1 + exp(-1.702 * x))
        case .relu: max(x, 0)
        case .sigmoid: 1 / (1 + exp(-x))
        case .tanh: Foundation.tanh(x)
        }
    }

    /// Whether it is a product of x and a factor that tends to 0 for x → −∞.
    private var vanishesBelow: Bool {
        switch self {
        case .silu, .gelu, .geluTanh, .geluQuick: true
        case .identity, .relu, .sigmoid, .tanh: false
        }
    }
}
