/// A validated ``Backend/rope(_:cosines:sines:layout:as:into:)``.
public struct RotationOperation {
    /// `[rows, heads, D]` f32 or f16.
    public let x: Tensor
    /// `[n, d / 2]` f32, n a divisor of the rows.
    public let cosines: Tensor
    /// As the cosines.
    public let sines: Tensor
    public let layout: RopeLayout
    /// `[rows, heads, D]` f32 or f16; may be x.
    public let output: Tensor

    /// d, the leading channels of each head that turn; the others are copied.
    public var dimensions: Int { 2 * cosines.shape[1] }
}

extension Backend {
    /// Rotary position embedding by given angles: pair i of every head of row r turns by the angle of row `r mod n`.
    ///
    /// Positions with several axes, such as FLUX's (an index, a row and a column, each with some of the pairs), become such a table once
    /// a size of image; it serves every layer, and every image of a batch.
    ///
    /// - Parameters:
    ///   - x: `[rows, heads, D]` f32 or f16.
    ///   - cosines: `[n, d / 2]` f32 with n a divisor of the rows and d ≤ D, the number of leading channels that turn.
    ///   - sines: As the cosines.
    ///   - layout: FLUX turns interleaved pairs.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape.
    public func rope(
        _ x: Tensor, cosines: Tensor, sines: Tensor, layout: RopeLayout, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "rope"
        try Validation.requireActivation(x, "x", name)
        try Validation.requireType(cosines, .f32, "the cosines", name)
        try Validation.requireType(sines, .f32, "the sines", name)
        try Validation.require(x.shape.rank == 3, name, "x has shape \(x.shape), expected [rows, heads, channels]")
        try Validation.require(
            cosines.shape.rank == 2 && cosines.shape == sines.shape && cosines.shape[0] > 0 && cosines.shape[1] > 0
                && x.shape[0] % cosines.shape[0] == 0 && 2 * cosines.shape[1] <= x.shape[2], name,
            "cosines \(cosines.shape) and sines \(sines.shape) do not match x \(x.shape); expected [n, pairs], n dividing the rows")
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(
            output, x.shape, dtype, self, name, reading: [.inPlace(x, "x"), .apart(cosines, "the cosines"), .apart(sines, "the sines")])
        if x.shape.count == 0 { return result }
        try rotation(RotationOperation(x: x, cosines: cosines, sines: sines, layout: layout, output: result))
        return result
    }
}
