/// How the token of a row is chosen: repeated tokens become less likely, then probabilities are sharpened or flattened, then tokens are
/// left out; the order of Hugging Face transformers.
public struct SamplingOptions: Sendable, Hashable {
    /// What logits are divided by; 0 takes the most likely token.
    public var temperature: Float
    /// How many of the most probable tokens are kept; nil for all.
    public var topK: Int?
    /// The share of the probability that the most probable of the kept tokens must reach; the others are left out. 1 for all.
    public var topP: Float
    /// What the logits of tokens that were seen are divided by where they are positive, and multiplied by where they are negative (Keskar et
    /// al. 2019); 1 for nothing.
    public var repetitionPenalty: Float

    public init(temperature: Float = 1, topK: Int? = nil, topP: Float = 1, repetitionPenalty: Float = 1) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.repetitionPenalty = repetitionPenalty
    }

    /// How many numbers a row has in a tensor of options.
    public static let numbers = 5

    /// The numbers: 1/temperature, or 0; topK, or 0; topP; the penalty and its inverse. Quotients are made here once, so that every device
    /// multiplies by the same numbers.
    /// - Throws: ``TensorError/invalidOption(operation:detail:)`` for options outside their meaning.
    public func row() throws -> [Float] {
        let inverses = (temperature: temperature == 0 ? 0 : 1 / temperature, penalty: 1 / repetitionPenalty)
        try Validation.requireOption(
            temperature >= 0 && temperature.isFinite && inverses.temperature.isFinite && topK ?? 1 >= 1 && topP >= 0 && topP <= 1
                && repetitionPenalty > 0 && repetitionPenalty.isFinite && inverses.penalty.isFinite, "sample",
            "\(self), expected a temperature ≥ 0, topK ≥ 1, topP in 0 ... 1 and a penalty > 0")
        // From 2²⁴ on, more than any row has, not every integer is a float.
        return [inverses.temperature, Float(min(topK ?? 0, 1 << 24)), topP, repetitionPenalty, inverses.penalty]
    }
}

/// Which tokens each sequence has had: sets as bits, kept on the device.
public struct SeenTokens {
    /// `[sets, ⌈V/32⌉]` i32: token t is bit t % 32 of word t / 32.
    public let sets: Tensor
    /// `[rows]` i32, distinct: the set of each row; an index outside the sets is no set.
    public let rows: Tensor

    public init(sets: Tensor, rows: Tensor) {
        self.sets = sets
        self.rows = rows
    }

    /// The words of a set over a vocabulary.
    public static func words(vocabulary: Int) -> Int { (vocabulary + 31) / 32 }

    /// The words of a set of some tokens; those outside the vocabulary are left out.
    public static func set(of tokens: some Sequence<Int32>, vocabulary: Int) -> [Int32] {
        var words = [UInt32](repeating: 0, count: words(vocabulary: vocabulary))
        for token in tokens where token >= 0 && token < vocabulary { words[Int(token) / 32] |= 1 << UInt32(token % 32) }
        return words.map { Int32(bitPattern: $0) }
    }
}

/// A validated ``Backend/sample(_:uniforms:options:seen:into:)``.
public struct SampleOperation {
    /// `[rows, V]` f32 or f16.
    public let x: Tensor
    /// `[rows]` f32.
    public let uniforms: Tensor
    /// `[rows, 5]` f32, of ``SamplingOptions/row()``.
    public let options: Tensor
    /// Written, too: each row's token joins its set.
    public let seen: SeenTokens?
    /// `[rows]` i32.
    public let output: Tensor
}

/// The arithmetic of ``Backend/sample(_:uniforms:options:seen:into:)``: integers, and f32 operations that every device rounds alike, so that the same
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
        x == largest ? 1 << UInt32(bits) : x < largest ? weight((x - largest) * inverseTemperature) : 0
    }

    /// A fraction of 24 bits: ⌊2²⁴ · x⌋; 0 for what is less than 0 or NaN, 2²⁴ for what is more than 1.
    public static func fraction(_ x: Float) -> UInt64 { x > 0 ? UInt64(min(x, 1) * 0x1p24) : 0 }

    /// ⌊mass · fraction / 2²⁴⌋ for a mass below 2⁶³, without overflow.
    public static func share(of mass: UInt64, _ fraction: UInt64) -> UInt64 {
        (mass >> 24) * fraction + ((mass & 0xFF_FFFF) * fraction) >> 24
    }
}

extension SampleWeight {
    /// A logit under a row's penalty for tokens that were seen.
    public static func penalised(_ x: Float, by penalty: Float, inverse: Float) -> Float { x < 0 ? x * penalty : x * inverse }
}

extension Backend {
    /// One token a row, drawn with the probabilities softmax(x / temperature) of those that are kept.
    ///
    /// Tokens are ordered by their logits, the lower index first of equal ones. Of the first `topK`, those are kept that come before the
    /// probability of their predecessors reaches `topP` of that of all `topK`; the first is always kept, and with a temperature of 0
    /// nothing else. The token is the one in whose part of the kept probability, in order of the index, the row's uniform number lies.
    ///
    /// Probabilities are integers (``SampleWeight``): below 2⁻³⁰ of the largest they are 0. So the tokens are the same on every device
    /// for the same logits. Two devices' logits may differ in their last digits.
    ///
    /// A row with a NaN or ∞ among its logits, or with nothing above −∞, has no probabilities: its token is −1, and its set stays as it is.
    ///
    /// - Parameters:
    ///   - x: `[rows, V]` f32 or f16, V from 1 to 2²⁴.
    ///   - uniforms: `[rows]` f32 in 0 ..< 1, of which 24 bits count; numbers outside are taken for the nearest inside.
    ///   - options: `[rows, 5]` f32: for each row its ``SamplingOptions/row()``.
    ///   - seen: The tokens that the penalty meets, to which each row's new one is added; nil for none.
    /// - Returns: `[rows]` i32.
    public func sample(
        _ x: Tensor, uniforms: Tensor, options: Tensor, seen: SeenTokens? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "sample"
        try Validation.requireRowsToChooseFrom(x, most: 1 << 24, name)
        try Validation.require(x.shape.rank == 2, name, "x has shape \(x.shape), expected [rows, values]")
        let rows = x.shape[0]
        try Validation.requireType(uniforms, .f32, "the uniform numbers", name)
        try Validation.require(uniforms.shape == [rows], name, "uniform numbers \(uniforms.shape) do not match x \(x.shape)")
        try Validation.requireType(options, .f32, "the options", name)
        try Validation.require(
            options.shape == [rows, SamplingOptions.numbers], name,
            "options \(options.shape), expected [\(rows), \(SamplingOptions.numbers)]")
        if let seen {
            try Validation.requireType(seen.sets, .i32, "the sets of tokens", name)
            try Validation.requireType(seen.rows, .i32, "the rows' sets", name)
            let words = SeenTokens.words(vocabulary: x.shape[1])
            try Validation.require(
                seen.sets.shape.rank == 2 && seen.sets.shape[1] == words && seen.rows.shape == [rows], name,
                "sets \(seen.sets.shape) and the rows' sets \(seen.rows.shape), expected [sets, \(words)] and [\(rows)]")
        }
        let result = try Validation.output(
            output, [rows], .i32, self, name,
            reading: [
                .apart(x, "x"), .apart(uniforms, "the uniform numbers"), .apart(options, "the options"),
                .apart(seen?.sets, "the sets of tokens"), .apart(seen?.rows, "the rows' sets"),
            ])
        if x.shape.count == 0 { return result }
        try sample(SampleOperation(x: x, uniforms: uniforms, options: options, seen: seen, output: result))
        return result
    }

    /// The same with the same options for all rows.
    public func sample(
        _ x: Tensor, uniforms: Tensor, _ options: SamplingOptions = SamplingOptions(), into output: Tensor? = nil
    ) throws -> Tensor {
        let row = try options.row()
        let rows = x.shape.dimensions.first ?? 0
        let all = try upload([[Float]](repeating: row, count: rows).flatMap { $0 }, [rows, row.count])
        return try sample(x, uniforms: uniforms, options: all, into: output)
    }
}
