/// Which tokens may be drawn, and how their probabilities are sharpened or flattened.
public struct SamplingOptions: Sendable, Hashable {
    /// What logits are divided by; > 0.
    public var temperature: Float
    /// How many of the most probable tokens are kept; nil for all.
    public var topK: Int?
    /// The share of the probability that the most probable of the kept tokens must reach; the others are left out. 1 for all.
    public var topP: Float

    public init(temperature: Float = 1, topK: Int? = nil, topP: Float = 1) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
    }
}

/// A validated ``Backend/sample(_:uniforms:_:into:)``.
public struct SampleOperation {
    /// `[rows, V]` f32 or f16.
    public let x: Tensor
    /// `[rows]` f32.
    public let uniforms: Tensor
    public let options: SamplingOptions
    /// `[rows]` i32.
    public let output: Tensor
}

/// The arithmetic of ``Backend/sample(_:uniforms:_:into:)``: integers, and f32 operations that every device rounds alike, so that the same
/// logits and numbers give the same tokens everywhere.
public enum SampleWeight {
    /// The bits of a fraction: weights are multiples of 2⁻³⁰, uniform numbers and shares of 2⁻²⁴.
    public static let bits = 30

    /// ⌊2³⁰ · eᶻ⌋ for z ≤ 0, to within 2 units in the last place of an f32; 0 below −22.
    ///
    /// eᶻ = 2ⁿ · eʳ with z = n·ln 2 + r (Cody & Waite 1980: ln 2 in two parts) and the Taylor polynomial of degree 7. Each operation is
    /// rounded on its own: no fused multiplications, whose use depends on the device.
    public static func weight(_ z: Float) -> UInt32 {
        guard z > -22 else { return 0 }
        let n = (z * 1.44269504).rounded(.toNearestOrEven)
        let high = n * 0.693359375
        let low = n * 2.12194440e-4
        let r = (z - high) + low
        var p: Float = 1.0 / 5040.0
        p = p * r + 1.0 / 720.0
        p = p * r + 1.0 / 120.0
        p = p * r + 1.0 / 24.0
        p = p * r + 1.0 / 6.0
        p = p * r + 0.5
        p = p * r + 1
        p = p * r + 1
        return UInt32(p * Float(sign: .plus, exponent: bits + Int(n), significand: 1))
    }

    /// The weight of a logit beside the largest of its row, which is not NaN.
    /// - Parameter inverseTemperature: 1 / temperature, rounded to f32.
    public static func weight(_ x: Float, largest: Float, inverseTemperature: Float) -> UInt32 {
        // Equal ones have a difference of 0, infinite ones too; NaN counts as −∞.
        x == largest ? 1 << UInt32(bits) : x < largest ? weight((x - largest) * inverseTemperature) : 0
    }

    /// A fraction of 24 bits: ⌊2²⁴ · x⌋; 0 for what is less than 0 or NaN, 2²⁴ for what is more than 1.
    public static func fraction(_ x: Float) -> UInt64 { x > 0 ? UInt64(min(x, 1) * 0x1p24) : 0 }

    /// ⌊mass · fraction / 2²⁴⌋ for a mass below 2⁶³, without overflow.
    public static func share(of mass: UInt64, _ fraction: UInt64) -> UInt64 {
        (mass >> 24) * fraction + ((mass & 0xFF_FFFF) * fraction) >> 24
    }
}

extension Backend {
    /// One token a row, drawn with the probabilities softmax(x / temperature) of those that are kept.
    ///
    /// Tokens are ordered by their logits, the lower index first of equal ones. Of the first `topK`, those are kept that come before the
    /// probability of their predecessors reaches `topP` of that of all `topK`; the first is always kept. The token is the one in whose
    /// part of the kept probability, in order of the index, the row's uniform number lies.
    ///
    /// Probabilities are integers (``SampleWeight``): below 2⁻³⁰ of the largest they are 0. So the tokens are the same on every device
    /// for the same logits. Two devices' logits may differ in their last digits.
    ///
    /// - Parameters:
    ///   - x: `[rows, V]` f32 or f16, V from 1 to 2²⁴. NaN counts as −∞. Where all are −∞ they are equally
    ///     probable, and where some are ∞ those are.
    ///   - uniforms: `[rows]` f32 in 0 ..< 1, of which 24 bits count; numbers outside are taken for the nearest inside.
    ///   - options: A temperature > 0; topK from 1, topP in 0 ... 1. For temperature 0 there is ``argmax(_:into:)``.
    /// - Returns: `[rows]` i32.
    public func sample(
        _ x: Tensor, uniforms: Tensor, _ options: SamplingOptions = SamplingOptions(), into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "sample"
        try Validation.requireRowsToChooseFrom(x, most: 1 << 24, name)
        try Validation.requireType(uniforms, .f32, "the uniform numbers", name)
        try Validation.require(uniforms.shape == [x.shape[0]], name, "uniform numbers \(uniforms.shape) do not match x \(x.shape)")
        try Validation.requireOption(
            options.temperature > 0 && options.temperature.isFinite && (1 / options.temperature).isFinite
                && options.topK ?? 1 >= 1 && options.topP >= 0 && options.topP <= 1, name,
            "\(options), expected a temperature > 0, topK ≥ 1 and topP in 0 ... 1")
        let result = try Validation.output(output, [x.shape[0]], .i32, self, name)
        if x.shape.count == 0 { return result }
        try sample(SampleOperation(x: x, uniforms: uniforms, options: options, output: result))
        return result
    }
}
