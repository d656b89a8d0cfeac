extension Backend {
    /// `a + b`, element by element.
    ///
    /// - Parameters:
    ///   - a: f32 or f16.
    ///   - b: f32 or f16. Shapes are broadcast by NumPy's rule: an axis that is missing in front or has extent 1 repeats, so that
    ///     `[B, 1, C]` or `[C]` goes with `[B, T, C]`.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or a's.
    ///   - output: Where to write; may be an operand of the result's shape.
    /// - Returns: The broadcast shape. −0 and infinities as IEEE 754 has them, NaN where an operand is NaN; devices may
    ///   flush denormal numbers to zero. The same holds for the other functions here.
    public func add(_ a: Tensor, _ b: Tensor, as dtype: DType? = nil, into output: Tensor? = nil) throws -> Tensor {
        try elementwise(.add, [(a, "a"), (b, "b")], as: dtype, into: output)
    }

    /// `a − b`, element by element, broadcast as in ``add(_:_:as:into:)``.
    public func subtract(_ a: Tensor, _ b: Tensor, as dtype: DType? = nil, into output: Tensor? = nil) throws -> Tensor {
        try elementwise(.subtract, [(a, "a"), (b, "b")], as: dtype, into: output)
    }

    /// `a · b`, element by element, broadcast as in ``add(_:_:as:into:)``.
    public func multiply(_ a: Tensor, _ b: Tensor, as dtype: DType? = nil, into output: Tensor? = nil) throws -> Tensor {
        try elementwise(.multiply, [(a, "a"), (b, "b")], as: dtype, into: output)
    }

    /// `x · factor + addend`, element by element, broadcast as in ``add(_:_:as:into:)``: a gated residual, `gate · y + x` (DiT, Peebles
    /// & Xie 2023), with the gate `[B, 1, C]`.
    ///
    /// The product is rounded or not, as the device has it; the result is rounded to its type at the end.
    public func multiplyAdd(
        _ x: Tensor, by factor: Tensor, plus addend: Tensor, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        try elementwise(
            .multiplyAdd(offset: 0), [(x, "x"), (factor, "the factor"), (addend, "the addend")], as: dtype, into: output)
    }

    /// `x · (1 + scale) + shift`, element by element, broadcast as in ``add(_:_:as:into:)``: the modulation of adaptive layer norms (DiT, SD3,
    /// FLUX), with scale and shift `[B, 1, C]`.
    public func modulate(
        _ x: Tensor, scale: Tensor, shift: Tensor, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        try elementwise(.multiplyAdd(offset: 1), [(x, "x"), (scale, "the scale"), (shift, "the shift")], as: dtype, into: output)
    }
}
