import Tensors

/// The constants that tolerances are derived from.
///
/// Each tolerance bounds the distance between a kernel that works in f32 and the exact result, under the error of each step: half
/// a unit in the last place for +, −, ×; the precision that Vulkan requires (Vulkan specification, "Precision and Operation of
/// SPIR-V Instructions") for division (2.5 ulp), inverse square root (2 ulp) and exp (3 + 2|x| ulp).
enum RoundOff {
    /// u: the largest relative error of one rounding to f32.
    static let unit = 0x1p-24
    /// The largest relative error of one rounding to f16.
    static let halfUnit = 0x1p-11
    /// How far two roundings of the same number to a type may lie apart, the one to the nearest, the other to either side, as devices
    /// may convert (Vulkan specification, "Precision and Operation of SPIR-V Instructions": correctly rounded, the direction being
    /// the implementation's): half an ulp and one ulp. Below 2⁻¹⁴, f16 numbers are 2⁻²⁴ apart.
    static func storing(_ dtype: DType, _ value: Double) -> Double {
        dtype == .f16 ? 3 * halfUnit * abs(value) + 0x1p-24 : 0
    }

    /// What one operation may lose where a device flushes denormal numbers to zero.
    static let flush = 0x1p-126
    /// What x / (1 + exp(−x)) may lose where the quotient is below 2⁻¹²⁶ and flushed, or exp overflows: |x| is 87.4 there and the result
    /// smaller for a larger one.
    static let logisticFlush = 0x1p-119
    /// The tolerance of an element that may be anything: ∞ times a denormal number is NaN where that is flushed.
    static let undetermined = -1.0

    /// The error of a sum of n products in any order, in units of u · Σ|terms|.
    ///
    /// At most n (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, §3.1). As rounding errors are as good as
    /// independent, it stays below λ√n with a probability of at least 1 − 2n·exp(−λ²/2) (Higham & Mary, "A New Approach to
    /// Probabilistic Rounding Error Analysis", 2019, Theorem 3.1); λ = 8 leaves 10⁻¹⁰ for a million terms.
    static func sum(_ count: Int) -> Double { min(Double(count), 8 * Double(count).squareRoot()) }

    /// How many of the two factors of each product are rounded to f16 first: the weight (or the key's), then the activation.
    static func roundedFactors(_ inputs: MatrixInputs, activations: DType) -> Int {
        switch inputs {
        case .single: 0
        case .activations: activations == .f16 ? 1 : 0
        case .half: activations == .f16 ? 1 : 2
        }
    }

    /// The error of rounding a number to f16, to either side, as devices may: relative to it, and below 2⁻¹⁴ absolute.
    static let toHalf = (relative: 2 * halfUnit, absolute: 0x1p-24)

    // MARK: Errors of whole rows, in units of u of their root mean square, for ``JitteringBackend``

    /// Of a softmax, or of attention with it: a weight of e⁻ᵈ of the largest errs by (6 + 6d)·e⁻ᵈ ≤ 6 of that, and by a division and products.
    static let exponentialUnits = 10.0
    /// Of sines of a step's number up to 1000, an angle of as many radians.
    static let timestepUnits = 1000.0

    /// Of an activation: (6 + 6|x|)·(1 − σ(x)) + 8 (``Activation/roundOff(_:)``) is at most 24 for x above −2, below which results are small.
    static func units(of activation: Activation) -> Double {
        activation == .identity || activation == .relu ? 0 : 24
    }
}
