/// A validated ``Backend/softmax(_:into:)``.
public struct SoftmaxOperation {
    /// `[…, C]` f32 or f16.
    public let x: Tensor
    /// `[…, C]`, of x's type; may be x.
    public let output: Tensor
}

extension Backend {
    /// `exp(x − max) / Σ exp(x − max)` over the last axis.
    ///
    /// As in PyTorch, a row of which every element is −∞ gives NaN, and so does a row with NaN or ∞; elements of −∞ beside finite ones
    /// give 0. A row that masks everything on purpose is attention's, which gives zeros there.
    ///
    /// - Parameters:
    ///   - x: `[…, C]` f32 or f16.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape and type.
    public func softmax(_ x: Tensor, into output: Tensor? = nil) throws -> Tensor {
        let name = "softmax"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(x.shape.rank >= 1, name, "x has no channels")
        let result = try Validation.output(output, x.shape, x.dtype, self, name, reading: [.inPlace(x, "x")])
        if x.shape.count == 0 { return result }
        try softmax(SoftmaxOperation(x: x, output: result))
        return result
    }
}
