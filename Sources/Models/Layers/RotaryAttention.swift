import Tensors

/// Causal grouped-query attention (Ainslie et al. 2023) with rotary positions (Su et al. 2021), over keys and values that may be cached.
///
/// It comes in two halves, between which a pass can wait: the heads' results, and their ``output`` projection.
struct RotaryAttention {
    let query, key, value: Projection
    /// The heads' results, before ``output``.
    let headsSite: Site
    let output: Projection
    let heads, keyHeads, headChannels: Int
    let rotaryBase: Float
    /// `[head channels / 2]`: what the frequencies are divided by; nil for 1.
    let frequencyFactors: Tensor?
    /// Multiplies the scores.
    let scale: Float
    /// The positions that a query sees, its own included; nil for all.
    let window: Int?

    var projections: [Projection] { [query, key, value, output] }

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
        let projected = try context.linears(x, [query, key, value])
        let query = try projected[0].reshaped([batch.rowCount, heads, headChannels])
        let (keys, values) = try cache ?? transientCache(batch, cacheType, on: backend)
        try backend.rotateAndStore(
            query: query, key: projected[1].reshaped(keyShape), value: projected[2].reshaped(keyShape), positions: batch.positions,
            dimensions: headChannels, base: rotaryBase, layout: .rotateHalf, frequencyFactors: frequencyFactors, into: keys, values,
            segments: batch.segments)
        let attended = try backend.attention(
            query, keys: keys, values: values, segments: batch.segments, scale: scale, causal: true, window: window)
        return try context.visit(attended.reshaped([batch.rowCount, heads * headChannels]), at: headsSite)
    }

    private func transientCache(_ batch: TokenBatch, _ dtype: DType, on backend: any Backend) throws -> (keys: Tensor, values: Tensor) {
        let shape: Shape = [batch.segments.count, batch.capacity, keyHeads, headChannels]
        return (try backend.allocate(shape, dtype), try backend.allocate(shape, dtype))
    }
}
