extension Backend {
    /// A pointwise function of every element.
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape. NaN gives NaN.
    public func activation(
        _ x: Tensor, _ activation: Activation, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        try elementwise(.activation(activation), [(x, "x")], as: dtype, into: output)
    }

    /// `factor · x + offset`, element by element.
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape.
    public func scale(
        _ x: Tensor, by factor: Float, plus offset: Float = 0, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        try elementwise(.scale(factor: factor, offset: offset), [(x, "x")], as: dtype, into: output)
    }

    /// x where `low ≤ x ≤ high`, else the nearer of the two; NaN stays NaN.
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - low: −∞ for no lower bound.
    ///   - high: ∞ for no upper bound; at least `low`.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape.
    public func clamp(
        _ x: Tensor, from low: Float = -.infinity, to high: Float = .infinity, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        try Validation.requireOption(low <= high, "clamp", "from \(low) to \(high), expected bounds in order")
        return try elementwise(.clamp(low: low, high: high), [(x, "x")], as: dtype, into: output)
    }
}
