import Tensors

/// A block of an encoder of texts: attention, then an MLP, each added to what it is of and normed (Vaswani et al. 2017).
struct TextEncoderBlock {
    let attention: TextAttention
    let attentionNorm: LayerNormLayer
    let feedForward: PlainMLP
    let outputNorm: LayerNormLayer

    /// - Parameter x: `[rows, hidden]` f32, and so is the result.
    func callAsFunction(_ x: Tensor, _ batch: TokenBatch, _ context: ForwardContext) throws -> Tensor {
        let attended = try attentionNorm(attention(x, batch, residual: x, context), context)
        let product = try feedForward.product(attended, context)
        return try outputNorm(feedForward.down(product, residual: attended, context), context)
    }
}

/// Attention of all tokens of a text to all of them, with several heads.
struct TextAttention {
    /// Queries, keys and values.
    private let input: ProjectionGroup
    /// The heads' results, before ``output``.
    private let headsSite: Site
    private let output: Projection
    private let heads, headChannels: Int

    /// - Parameters:
    ///   - names: Of the projections to queries, keys and values.
    ///   - output: The name of the projection of the heads' results, and the module it is in.
    init(_ c: TextEncoderConfiguration, _ m: LayerLoader, _ names: [String], output: (module: LayerLoader, name: String)) throws {
        input = .separate(try names.map { try m.projection($0, inputs: c.hidden, outputs: c.hidden, bias: .required) })
        headsSite = output.module[output.name].headsSite(heads: c.heads, headChannels: c.headChannels)
        self.output = try output.module.projection(output.name, inputs: c.hidden, outputs: c.hidden, bias: .required)
        (heads, headChannels) = (c.heads, c.headChannels)
    }

    /// - Parameter x: `[rows, hidden]`, and so are the residual and the result.
    func callAsFunction(_ x: Tensor, _ batch: TokenBatch, residual: Tensor, _ context: ForwardContext) throws -> Tensor {
        let backend = context.backend
        let split: Shape = [batch.rowCount, heads, headChannels]
        let projected = try input(x, context)
        let (keys, values) = try batch.transientCache(heads: heads, channels: headChannels, x.dtype, on: backend)
        try backend.storeKeys(
            projected[1].reshaped(split), values: projected[2].reshaped(split), into: keys, values, segments: batch.segments)
        let attended = try backend.attention(
            projected[0].reshaped(split), keys: keys, values: values, segments: batch.segments)
        return try output(context.visit(attended.reshaped(x.shape), at: headsSite), residual: residual, context)
    }
}
