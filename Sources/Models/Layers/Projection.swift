import Tensors

/// A linear layer and the site of its result.
struct Projection {
    /// `[outputs, inputs]`.
    let weight: Tensor
    /// `[outputs]`.
    let bias: Tensor?
    let site: Site

    /// - Parameters:
    ///   - x: `[…, inputs]`.
    ///   - residual: Added behind the site. The result is then of its type: the residual stream's.
    ///   - dtype: The type of the result; nil for the residual's, or x's.
    func callAsFunction(_ x: Tensor, residual: Tensor? = nil, as dtype: DType? = nil, _ context: ForwardContext) throws -> Tensor {
        try context.linear(x, weight: weight, bias: bias, residual: residual, as: dtype ?? residual?.dtype, at: site)
    }
}
