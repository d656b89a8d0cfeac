import Tensors

/// The extents and constants of a Llama-family decoder (Llama, SmolLM2, Mistral, Qwen2).
public struct LlamaConfiguration: Sendable, Equatable {
    /// `llama`, `mistral` or `qwen2`.
    public var architecture: String
    public var layers: Int
    public var hidden: Int
    public var heads: Int
    public var keyHeads: Int
    public var headChannels: Int
    /// The channels between the projections of the MLP.
    public var intermediate: Int
    public var vocabulary: Int
    public var contextLength: Int
    public var normEpsilon: Float
    public var rotary: RotaryPosition
    /// For each layer the positions a query sees, its own included; nil for all.
    public var windows: [Int?]
    /// Whether the projections to query, key and value have biases, and so below.
    var queryKeyValueBias: LayerLoader.Bias
    var attentionOutputBias: LayerLoader.Bias
    var mlpBias: LayerLoader.Bias
    /// Whether the embedding's table serves as the output projection when the file holds none.
    public var tiesEmbedding: Bool

    /// Multiplies the scores of attention.
    var attentionScale: Float { rotary.attentionFactor * rotary.attentionFactor / Float(headChannels).squareRoot() }

    /// The range in which an extent makes sense.
    static let extents = 1...1 << 24
    static let layerCounts = 1...4096
    static let headSizes = 2...4096

    /// Checks that the extents fit together and are in a range that makes sense, before memory is taken for them.
    public func validated() throws -> LlamaConfiguration {
        func check(_ condition: Bool, _ detail: String) throws {
            if !condition { throw ModelError.invalidConfiguration(detail) }
        }
        for (name, value, range) in [
            ("layers", layers, Self.layerCounts), ("hidden size", hidden, Self.extents), ("heads", heads, Self.extents),
            ("key-value heads", keyHeads, Self.extents), ("head size", headChannels, Self.headSizes),
            ("intermediate size", intermediate, Self.extents), ("vocabulary", vocabulary, Self.extents),
            ("context length", contextLength, Self.extents),
        ] {
            try check(range.contains(value), "\(name) is \(value), expected \(range.lowerBound) … \(range.upperBound)")
        }
        try check(heads % keyHeads == 0, "\(heads) heads do not divide among \(keyHeads) key-value heads")
        try check(headChannels % 2 == 0, "the head size \(headChannels) is odd, rotary embeddings need pairs")
        try check(normEpsilon >= 0 && normEpsilon < 1, "the norm epsilon is \(normEpsilon)")
        try rotary.validate(channels: headChannels)
        try check(windows.count == layers, "there are \(windows.count) sliding windows for \(layers) layers")
        try check(windows.allSatisfy { $0.map { $0 > 0 } ?? true }, "a sliding window is not a positive number")
        return self
    }
}
