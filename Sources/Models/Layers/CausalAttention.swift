import Tensors

/// Causal grouped-query attention (Ainslie et al. 2023) over keys and values that may be cached.
///
/// It comes in two halves, between which a pass can wait: the heads' results, and their ``output`` projection.
struct CausalAttention {
    /// Queries, keys and values.
    let input: ProjectionGroup
    /// Before queries and keys are turned; nil for none.
    let queryNorm, keyNorm: QueryKeyNorm?
    /// The heads' results, before ``output``.
    let headsSite: Site
    let output: Projection
    let heads, keyHeads, headChannels: Int
    /// How queries and keys are turned by their positions; nil for a layer that does not know positions.
    let rotary: RotaryLayer?
    /// Multiplies the scores.
    let scale: Float
    /// c in c · tanh(score / c); nil for none.
    let softCap: Float?
    /// The positions that a query sees, its own included; nil for all.
    let window: Int?

    /// With `q_proj`, `k_proj`, `v_proj` and `o_proj`, and between them, where a model has them, `q_norm` and `k_norm`.
    init(_ c: DecoderConfiguration, _ m: LayerLoader, layer: Int, norms: NormKind = .none) throws {
        let (queryChannels, keyChannels) = (c.heads * c.headChannels, c.keyHeads * c.headChannels)
        let input = ProjectionGroup.separate([
            try m.projection("q_proj", inputs: c.hidden, outputs: queryChannels, bias: c.queryKeyValueBias),
            try m.projection("k_proj", inputs: c.hidden, outputs: keyChannels, bias: c.queryKeyValueBias),
            try m.projection("v_proj", inputs: c.hidden, outputs: keyChannels, bias: c.queryKeyValueBias),
        ])
        var (queryNorm, keyNorm): (QueryKeyNorm?, QueryKeyNorm?)
        switch norms {
        case .none: break
        case .heads:
            queryNorm = .heads(try m.headNorm("q_norm", heads: c.heads, headChannels: c.headChannels))
            keyNorm = .heads(try m.headNorm("k_norm", heads: c.keyHeads, headChannels: c.headChannels))
        case .whole:
            queryNorm = .whole(try m.rmsNorm("q_norm", queryChannels))
            keyNorm = .whole(try m.rmsNorm("k_norm", keyChannels))
        }
        try self.init(
            c, m, layer: layer, input: input, queryNorm: queryNorm, keyNorm: keyNorm, output: "o_proj", outputBias: c.attentionOutputBias)
    }

    /// - Parameter output: The name of the output projection.
    init(
        _ c: DecoderConfiguration, _ m: LayerLoader, layer: Int, input: ProjectionGroup, queryNorm: QueryKeyNorm? = nil,
        keyNorm: QueryKeyNorm? = nil, output: String, outputBias: LayerLoader.Bias = .none
    ) throws {
        self.input = input
        (self.queryNorm, self.keyNorm) = (queryNorm, keyNorm)
        headsSite = m[output].headsSite(heads: c.heads, headChannels: c.headChannels)
        self.output = try m.projection(output, inputs: c.heads * c.headChannels, outputs: c.hidden, bias: outputBias)
        (heads, keyHeads, headChannels) = (c.heads, c.keyHeads, c.headChannels)
        rotary = try c.rotary[layer].map { try RotaryLayer($0, headChannels: c.headChannels, m) }
        scale = (c.attentionScale ?? 1 / Float(c.headChannels).squareRoot()) * (rotary?.scoreFactor ?? 1)
        softCap = c.attentionSoftCap
        window = c.windows[layer]
    }

    /// Which norms queries and keys have.
    enum NormKind {
        case none
        /// Of each head.
        case heads
        /// Of all heads together.
        case whole
    }

    /// The first half: `[rows, hidden]` → `[rows, heads · head channels]`.
    ///
    /// - Parameters:
    ///   - cache: The layer's keys and values, which the batch's are stored in; nil for a pass that nothing follows.
    ///   - cacheType: The type of keys and values without a cache.
    func heads(
        _ x: Tensor, _ batch: TokenBatch, cache: (keys: Tensor, values: Tensor)?, cacheType: DType, _ context: ForwardContext
    ) throws -> Tensor {
        let backend = context.backend
        let keyShape: Shape = [batch.rowCount, keyHeads, headChannels]
        let projected = try input(x, context)
        let query = try (queryNorm?(projected[0], context) ?? projected[0]).reshaped([batch.rowCount, heads, headChannels])
        let key = try (keyNorm?(projected[1], context) ?? projected[1]).reshaped(keyShape)
        let value = try projected[2].reshaped(keyShape)
        let (keys, values) = try cache ?? batch.transientCache(heads: keyHeads, channels: headChannels, cacheType, on: backend)
        if let rotary {
            try rotary.rotateAndStore(query: query, key: key, value: value, batch, into: keys, values, on: backend)
        } else {
            try backend.storeKeys(key, values: value, into: keys, values, segments: batch.segments)
        }
        let attended = try backend.attention(
            query, keys: keys, values: values, segments: batch.segments, scale: scale, causal: true, window: window, softCap: softCap)
        return try context.visit(attended.reshaped([batch.rowCount, heads * headChannels]), at: headsSite)
    }
}
