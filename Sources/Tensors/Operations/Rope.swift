/// Which channels a rotary embedding turns together.
public enum RopeLayout: String, Sendable, CaseIterable, Hashable {
    /// Channel i with channel i + d/2 (GPT-NeoX, Hugging Face Llama).
    case rotateHalf
    /// Channel 2i with channel 2i + 1 (the RoFormer paper, Meta's Llama).
    case interleaved
}

/// A validated ``Backend/rope(_:positions:dimensions:base:layout:frequencyFactors:as:into:)``.
public struct RopeOperation {
    /// `[rows, heads, D]` f32 or f16.
    public let x: Tensor
    /// `[rows]` i32.
    public let positions: Tensor
    /// The channels of each head that turn, even, ≤ D; the others are copied.
    public let dimensions: Int
    public let base: Float
    public let layout: RopeLayout
    /// `[dimensions / 2]` f32.
    public let frequencyFactors: Tensor?
    /// `[rows, heads, D]` f32 or f16; may be x.
    public let output: Tensor
}

extension Backend {
    /// Rotary position embedding (Su et al. 2021): pair i of a head at position p turns by `p · base^(−2i/d) / factor_i`.
    ///
    /// - Parameters:
    ///   - x: `[rows, heads, D]` f32 or f16.
    ///   - positions: `[rows]` i32, each ≥ 0.
    ///   - dimensions: d, the number of leading channels of each head that turn; even, at most D.
    ///   - base: θ, for example 10000.
    ///   - frequencyFactors: `[d / 2]` f32, dividing each frequency (Llama 3's long-context scaling); nil for none.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; may be x itself.
    public func rope(
        _ x: Tensor, positions: Tensor, dimensions: Int, base: Float, layout: RopeLayout,
        frequencyFactors: Tensor? = nil, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "rope"
        try Validation.rope(x, positions: positions, dimensions: dimensions, base: base, frequencyFactors: frequencyFactors, name)
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(
            output, x.shape, dtype, self, name,
            reading: [.inPlace(x, "x"), .apart(positions, "the positions"), .apart(frequencyFactors, "the frequency factors")])
        if x.shape.count == 0 { return result }
        try rope(
            RopeOperation(
                x: x, positions: positions, dimensions: dimensions, base: base, layout: layout,
                frequencyFactors: frequencyFactors, output: result))
        return result
    }
}

extension Validation {
    /// Checks the operands of a rotary embedding.
    static func rope(
        _ x: Tensor, positions: Tensor, dimensions: Int, base: Float, frequencyFactors: Tensor?, _ operation: String
    ) throws {
        try requireActivation(x, "x", operation)
        try requireType(positions, .i32, "the positions", operation)
        try require(x.shape.rank == 3, operation, "x has shape \(x.shape), expected [rows, heads, channels]")
        try require(
            positions.shape == [x.shape[0]], operation,
            "positions \(positions.shape) do not match x \(x.shape), expected [rows] and [rows, heads, channels]")
        try requireOption(
            dimensions > 0 && dimensions % 2 == 0 && dimensions <= x.shape[2], operation,
            "\(dimensions) rotated channels of heads with \(x.shape[2]); expected an even number from 2 to that")
        try requireOption(base > 0 && base.isFinite, operation, "the base is \(base), expected a number > 0")
        if let frequencyFactors {
            try requireType(frequencyFactors, .f32, "the frequency factors", operation)
            try require(
                frequencyFactors.shape == [dimensions / 2], operation,
                "frequency factors \(frequencyFactors.shape) do not match \(dimensions) rotated channels")
        }
    }
}
