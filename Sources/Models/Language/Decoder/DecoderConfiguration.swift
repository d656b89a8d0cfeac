import Tensors

/// The extents and constants of a decoder-only language model.
struct DecoderConfiguration: Sendable, Equatable {
    /// The family's name.
    var architecture: String
    var layers: Int
    var hidden: Int
    var heads: Int
    var keyHeads: Int
    var headChannels: Int
    /// The channels between the projections of the MLP.
    var intermediate: Int
    var vocabulary: Int
    var contextLength: Int
    var normEpsilon: Float
    /// For each layer how it turns queries and keys by their positions; nil where it does not.
    var rotary: [RotaryPosition?]
    /// For each layer the positions a query sees, its own included; nil for all.
    var windows: [Int?]
    /// Multiplies the scores of attention; nil for 1/√(head channels).
    var attentionScale: Float?
    /// c in c · tanh(score / c), of attention's scores and of the logits; nil for none.
    var attentionSoftCap: Float?
    var logitSoftCap: Float?
    /// Of the MLP.
    var activation = Activation.silu
    /// Whether the projections to query, key and value have biases, and so below.
    var queryKeyValueBias = LayerLoader.Bias.none
    var attentionOutputBias = LayerLoader.Bias.none
    var mlpBias = LayerLoader.Bias.none
    /// Whether the embedding's table serves as the output projection when the file holds none.
    var tiesEmbedding: Bool

    /// The range in which an extent makes sense.
    static let extents = 1...1 << 24
    static let layerCounts = 1...4096
    static let headSizes = 2...4096
    /// Of soft caps and of what attention's scores are divided by.
    static let magnitudes: ClosedRange<Float> = 1e-6...1e6

    /// Checks that the extents fit together and are in a range that makes sense, before memory is taken for them.
    func validated() throws -> DecoderConfiguration {
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
        try check(normEpsilon >= 0 && normEpsilon < 1, "the norm epsilon is \(normEpsilon)")
        try check(rotary.count == layers, "there are rotary positions for \(rotary.count) layers of \(layers)")
        for case let position? in rotary { try position.validate(headChannels: headChannels) }
        try check(windows.count == layers, "there are \(windows.count) sliding windows for \(layers) layers")
        try check(windows.allSatisfy { $0.map { $0 > 0 } ?? true }, "a sliding window is not a positive number")
        return self
    }
}
