import Tensors

/// Turns queries and keys by their positions, and stores keys and values.
struct RotaryLayer {
    private let base: Float
    /// The leading channels of each head that turn.
    private let channels: Int
    /// `[channels / 2]`: what the frequencies are divided by; nil for 1.
    private let factors: Tensor?
    /// What they are divided by in sequences that can get longer than so many tokens.
    private let longFactors: (beyond: Int, factors: Tensor)?
    /// `[head channels]`: multiplies queries, where the factor on sines and cosines does not concern all channels.
    private let queryGain: Tensor?
    /// Multiplies the scores of attention: the factor on sines and cosines, of query and key.
    let scoreFactor: Float

    init(_ position: RotaryPosition, headChannels: Int, _ m: LayerLoader) throws {
        base = position.base
        channels = position.channels ?? headChannels
        factors = try position.frequencyFactors.map { try m.constant($0) }
        longFactors = try position.longContext.map { ($0.beyond, try m.constant($0.factors)) }
        let squared = position.attentionFactor * position.attentionFactor
        if squared == 1 || channels == headChannels {
            (scoreFactor, queryGain) = (squared, nil)
        } else {
            scoreFactor = 1
            queryGain = try m.constant((0..<headChannels).map { [channels] in $0 < channels ? squared : 1 })
        }
    }

    /// - Parameters:
    ///   - query: `[rows, heads, head channels]`, turned in place.
    ///   - key: `[rows, key heads, head channels]`; what it holds afterwards is undefined.
    ///   - value: As the keys.
    func rotateAndStore(
        query: Tensor, key: Tensor, value: Tensor, _ batch: TokenBatch, into keys: Tensor, _ values: Tensor, on backend: any Backend
    ) throws {
        if let queryGain { _ = try backend.multiply(query, queryGain, into: query) }
        var factors = self.factors
        if let longFactors, batch.capacity > longFactors.beyond { factors = longFactors.factors }
        try backend.rotateAndStore(
            query: query, key: key, value: value, positions: batch.positions, dimensions: channels, base: base, layout: .rotateHalf,
            frequencyFactors: factors, into: keys, values, segments: batch.segments)
    }
}
