import Foundation
import Tensors

extension Activation {
    /// The function's value in Float64.
    func callAsFunction(_ x: Double) -> Double {
        switch self {
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
}
