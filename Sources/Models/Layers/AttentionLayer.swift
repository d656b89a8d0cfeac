import Tensors

/// Attention with several heads (Vaswani et al. 2017) and its four projections: of tokens to themselves, or to those of a text.
///
/// It reads like `Attention` of diffusers.
struct AttentionLayer {
    private let query, key, value, output: LinearLayer
    private let heads: Int
    private let segments: SegmentCache
    /// The projected result, before the residual is added.
    let site: Site?

    /// - Parameters:
    ///   - channels: Of the tokens; also of queries, keys and values together.
    ///   - memoryChannels: Of the tokens that are attended to.
    ///   - bias: Whether queries, keys and values have biases.
    init(_ m: ModuleLoader, channels: Int, memoryChannels: Int, heads: Int, bias: Bool, _ segments: SegmentCache) throws {
        query = try m[Self.name("to_q", or: "query", in: m)].linear(channels, channels, bias: bias)
        key = try m[Self.name("to_k", or: "key", in: m)].linear(memoryChannels, channels, bias: bias)
        value = try m[Self.name("to_v", or: "value", in: m)].linear(memoryChannels, channels, bias: bias)
        output = try m[Self.name("to_out.0", or: "proj_attn", in: m)].linear(channels, channels)
        self.heads = heads
        self.segments = segments
        site = m.site(channels)
    }

    /// Autoencoders that were saved before diffusers 0.14 have other names.
    private static func name(_ name: String, or older: String, in m: ModuleLoader) throws -> String {
        try !m.contains("\(name).weight") && m.contains("\(older).weight") ? older : name
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, channels]`.
    ///   - memory: `[batch, tokens, memory channels]`; nil for x itself.
    ///   - residual: Of x's shape.
    func callAsFunction(_ x: Tensor, memory: Tensor? = nil, residual: Tensor, _ context: ForwardContext) throws -> Tensor {
        let backend = context.backend
        let memory = memory ?? x
        let (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
        let headChannels = channels / heads
        let keys: Shape = [batch, memory.shape[1], heads, headChannels]
        let attended = try backend.attention(
            query(x, on: backend).reshaped([batch * tokens, heads, headChannels]), keys: key(memory, on: backend).reshaped(keys),
            values: value(memory, on: backend).reshaped(keys),
            segments: segments.segments(batch: batch, queries: tokens, keys: memory.shape[1], on: backend))
        return try output(attended.reshaped(x.shape), residual: residual, at: site, context)
    }
}
