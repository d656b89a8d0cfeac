import Foundation
import Tensors

extension Activation {
    /// The value in Float64.
    func value(_ x: Double) -> Double {
        // Those that vanish towards −∞.
        if x == -.infinity, [.silu, .gelu, .geluTanh, .geluQuick].contains(self) { return 0 }
        return switch self {
        case .identity: x
        case .silu: x * Self.logistic(x)
        case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
        case .geluTanh: x * Self.logistic(2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))
        case .geluQuick: x * Self.logistic(1.702 * x)
        case .relu: max(x, 0)
        case .sigmoid: Self.logistic(x)
        case .tanh: Foundation.tanh(x)
        }
    }

    /// A bound on the slope: how much an error of x grows.
    var slope: Double {
        switch self {
        case .identity, .relu, .tanh: 1
        case .sigmoid: 0.25
        // The largest slope of x·σ(x) is 1.0998 at x = 2.4; a factor within the σ moves it but does not change it.
        case .silu, .geluQuick: 1.1
        // The largest slope of x·Φ(x) is 1.129 at x = √2.
        case .gelu, .geluTanh: 1.13
        }
    }

    /// A bound on the error of a kernel in f32 for an exact x.
    func roundOff(_ x: Double) -> Double {
        // Limits are exact.
        if !x.isFinite { return 0 }
        let size = abs(x)
        switch self {
        case .identity, .relu: return 0
        case .silu, .geluQuick:
            // With v = c·x: exp(−v) errs by 3 + 2|v| ulp (an ulp is at most 2u) and by that of its argument, 2|v|u; σ passes on
            // the share 1 − σ of it; sum, division and product add 8u.
            let argument = self == .silu ? x : 1.702 * x
            let logistic = Self.logistic(argument)
            let exponential = (6 + 6 * abs(argument)) * (1 - logistic)
            return RoundOff.unit * size * logistic * (exponential + 8) + RoundOff.logisticFlush
        case .sigmoid:
            // As for silu, without its product.
            return RoundOff.unit * Self.logistic(x) * ((6 + 6 * size) * (1 - Self.logistic(x)) + 6) + RoundOff.logisticFlush
        case .tanh:
            // 1 − 2 / (e²ˣ + 1) where it does not cancel (from |x| about 0.6 on, where tanh is above ½), else a polynomial: the error of the
            // exponential, 3 + 4|x| ulp and that of its argument, weighs 2e²ˣ / (e²ˣ + 1)², which is (1 − tanh²) / 2; sum, quotient and
            // difference add 8u of numbers up to 1.
            let y = abs(Foundation.tanh(x))
            return RoundOff.unit * min(16, 4 * (6 + 12 * size) * (1 - y * y) + 16) * y + RoundOff.flush
        case .gelu, .geluTanh:
            // x/2 · (1 + f(x)) cancels in the lower tail, so that the error of f is absolute: that of tanh made of exp, or of a
            // polynomial for erf (1.5·10⁻⁷ = 2.5u in Abramowitz & Stegun 7.1.26), with the sums and products around it at most 12u.
            return 12 * RoundOff.unit * size + RoundOff.logisticFlush
        }
    }

    private static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}
