extension Backend {
    /// A pointwise function of every element.
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape and type. NaN gives NaN.
    public func activation(_ x: Tensor, _ activation: Activation, into output: Tensor? = nil) throws -> Tensor {
        try elementwise(.activation(activation), [(x, "x")], into: output)
    }

    /// `factor · x + offset`, element by element.
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape and type.
    public func scale(_ x: Tensor, by factor: Float, plus offset: Float = 0, into output: Tensor? = nil) throws -> Tensor {
        try elementwise(.scale(factor: factor, offset: offset), [(x, "x")], into: output)
    }

    /// x where `low ≤ x ≤ high`, else the nearer of the two; NaN stays NaN.
    ///
    /// - Parameters:
    ///   - x: f32 or f16.
    ///   - low: −∞ for no lower bound.
    ///   - high: ∞ for no upper bound; at least `low`.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape and type.
    public func clamp(
        _ x: Tensor, from low: Float = -.infinity, to high: Float = .infinity, into output: Tensor? = nil
    ) throws -> Tensor {
        try Validation.requireOption(low <= high, "clamp", "from \(low) to \(high), expected bounds in order")
        return try elementwise(.clamp(low: low, high: high), [(x, "x")], into: output)
    }
}
