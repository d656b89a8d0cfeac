import Tensors

/// A norm over the last axis whose result is a site.
protocol NormLayer {
    var site: Site? { get }

    /// - Parameter dtype: The type of the result; nil for x's.
    func callAsFunction(_ x: Tensor, as dtype: DType?, _ context: ForwardContext) throws -> Tensor
}

extension RMSNormLayer: NormLayer {}
extension LayerNormLayer: NormLayer {}

/// A block of a decoder: attention, then a feed-forward network, each with what it adds to the residual stream.
///
/// Norms may stand before each of the two, behind it, or both: `x + behind(attention(before(x)))`.
struct DecoderBlock {
    var beforeAttention: (any NormLayer)?
    let attention: CausalAttention
    var behindAttention: (any NormLayer)?
    var beforeFeedForward: (any NormLayer)?
    let feedForward: any FeedForward
    var behindFeedForward: (any NormLayer)?
    let outputSite: Site

    /// The steps of a block; between them wait the residual stream and at most one tensor more.
    enum Step: Int, CaseIterable {
        /// Norm and attention, up to the heads' results.
        case attention
        /// Their projection to the residual stream.
        case attentionOutput
        /// Norm, and the first half of the feed-forward network.
        case feedForward
        /// Its projection to the residual stream.
        case feedForwardOutput
        /// The block's output as a site.
        case output
    }

    /// - Parameters:
    ///   - layer: The block's number, for its keys and values.
    ///   - activations: The type of what products read.
    func advance(
        _ state: inout PassState, _ step: Step, layer: Int, activations: DType, cacheType: DType, _ context: ForwardContext
    ) throws {
        let x = state.hidden
        func input(_ norm: (any NormLayer)?) throws -> Tensor {
            if let norm { return try norm(x, as: activations, context) }
            return x.dtype == activations ? x : try context.backend.cast(x, to: activations)
        }
        switch step {
        case .attention:
            let heads = try attention.heads(
                input(beforeAttention), state.batch, cache: state.cache?.layers[layer], cacheType: cacheType, context)
            state.complete(hidden: x, inner: heads)
        case .attentionOutput:
            state.complete(hidden: try added(attention.output, state.inner!, behindAttention, to: x, context))
        case .feedForward:
            state.complete(hidden: x, inner: try feedForward.product(input(beforeFeedForward), context))
        case .feedForwardOutput:
            state.complete(hidden: try added(feedForward.down, state.inner!, behindFeedForward, to: x, context))
        case .output:
            state.complete(hidden: try context.visit(x, at: outputSite))
        }
    }

    /// The residual stream with a projection of `inner` added, normed first where there is a norm.
    private func added(
        _ projection: Projection, _ inner: Tensor, _ norm: (any NormLayer)?, to x: Tensor, _ context: ForwardContext
    ) throws -> Tensor {
        guard let norm else { return try projection(inner, residual: x, context) }
        // What a norm brings back to its size may be too large for f16 before.
        let y = try norm(projection(inner, as: x.dtype, context), as: x.dtype, context)
        return try context.backend.add(x, y)
    }
}
