import Tensors

/// A norm without a mean (Zhang & Sennrich 2019) of each head of queries or keys by itself (Henry et al. 2020, "Query-Key Normalization for
/// Transformers"), all with one gain.
struct HeadNorm {
    /// `[head channels]`
    let gain: Tensor
    let epsilon: Float
    /// Of all heads, side by side.
    let site: Site

    /// - Parameter x: `[rows, heads · head channels]`.
    func callAsFunction(_ x: Tensor, _ context: ForwardContext) throws -> Tensor {
        let split: Shape = [x.shape.rows, site.heads, gain.shape.channels]
        return try context.visit(
            context.backend.rmsNorm(x.reshaped(split), gain: gain, epsilon: epsilon).reshaped(x.shape), at: site)
    }
}

/// A norm of queries or keys before they are turned by their positions.
enum QueryKeyNorm {
    /// Of each head.
    case heads(HeadNorm)
    /// Of all heads together.
    case whole(RMSNormLayer)

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) throws -> Tensor {
        switch self {
        case .heads(let norm): try norm(x, context)
        case .whole(let norm): try norm(x, context)
        }
    }
}
