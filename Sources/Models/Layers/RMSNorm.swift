import Tensors

/// A root-mean-square norm (Zhang & Sennrich 2019) and the site of its result.
struct RMSNorm {
    /// `[channels]`.
    let gain: Tensor
    let epsilon: Float
    let site: Site

    /// - Parameter dtype: The type of the result; nil for x's.
    func callAsFunction(_ x: Tensor, as dtype: DType? = nil, _ context: ForwardContext) throws -> Tensor {
        try context.rmsNorm(x, gain: gain, epsilon: epsilon, as: dtype, at: site)
    }
}
