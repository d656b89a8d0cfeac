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
    func callAsFunction(_ x: Tensor, residual: Tensor? = nil, _ context: ForwardContext) throws -> Tensor {
        try context.linear(x, weight: weight, bias: bias, residual: residual, as: residual?.dtype, at: site)
    }
}
