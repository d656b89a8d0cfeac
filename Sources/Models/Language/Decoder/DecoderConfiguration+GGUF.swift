import ModelFiles

extension DecoderConfiguration {
    /// Reads the keys that files of most decoders have: without biases, with rotary positions on every layer.
    /// - Parameters:
    ///   - allowsPartialRotary: Whether a part of each head may turn.
    ///   - window: That of a file which states none.
    ///   - period: Every how many layers there is one without a window, where a file does not say.
    ///   - epsilonKey: That of the norms' ε.
    init(
        _ settings: GGUFSettings, allowsPartialRotary: Bool = false, window: Int? = nil, period: Int = 1,
        epsilonKey: String = "attention.layer_norm_rms_epsilon"
    ) throws {
        let family = settings.family
        let reader = settings.reader
        let hidden = try reader.integer("embedding_length", in: Self.extents)
        let layers = try reader.integer("block_count", in: Self.layerCounts)
        guard let heads = try reader.uniformInteger(ifPresent: "attention.head_count", layers: layers, in: Self.extents),
            let intermediate = try reader.uniformInteger(ifPresent: "feed_forward_length", layers: layers, in: Self.extents)
        else { throw ModelError.invalidConfiguration("it lacks \(family).attention.head_count or \(family).feed_forward_length") }
        let keyHeads = try reader.uniformInteger(ifPresent: "attention.head_count_kv", layers: layers, in: Self.extents) ?? heads
        let headChannels = try reader.integer(ifPresent: "attention.key_length", in: Self.headSizes) ?? hidden / heads
        let valueChannels = try reader.integer(ifPresent: "attention.value_length", in: Self.extents) ?? hidden / heads
        guard valueChannels == headChannels else {
            throw ModelError.unsupported(
                "keys have \(headChannels) channels and values \(valueChannels); Monge runs models with as many of both")
        }
        let context = try reader.integer("context_length", in: Self.extents)
        let rotated = try reader.integer(ifPresent: "rope.dimension_count", in: 0...Self.extents.upperBound) ?? headChannels
        guard rotated == headChannels || allowsPartialRotary else {
            throw ModelError.unsupported("the model turns \(rotated) of \(headChannels) channels a head; Monge turns all of them")
        }
        guard rotated > 0, rotated <= headChannels else {
            throw ModelError.invalidConfiguration("\(rotated) of \(headChannels) channels a head are to turn")
        }
        var position = try settings.rotary(channels: rotated, contextLength: context)
        if rotated != headChannels { position.channels = rotated }
        self.init(
            architecture: family, layers: layers, hidden: hidden, heads: heads, keyHeads: keyHeads, headChannels: headChannels,
            intermediate: intermediate, vocabulary: try settings.file.tensor("token_embd.weight").shape.dimensions.first ?? 0,
            contextLength: context, normEpsilon: try reader.number(epsilonKey, in: 0...1),
            rotary: [RotaryPosition?](repeating: position, count: layers),
            windows: try settings.windows(layers: layers, silent: window, period: period), tiesEmbedding: true)
    }
}
