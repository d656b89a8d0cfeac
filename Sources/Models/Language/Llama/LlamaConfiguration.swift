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
    public var ropeBase: Float
    /// Divides each pair's frequency; nil for none.
    public var ropeFactors: [Float]?
    /// The positions a query sees; nil for all.
    public var slidingWindow: Int?

    /// The families this code runs.
    public static let architectures = ["llama", "mistral", "qwen2"]

    /// Checks that the extents fit together and are in a range that makes sense, before memory is taken for them.
    public func validated() throws -> LlamaConfiguration {
        func check(_ condition: Bool, _ detail: String) throws {
            if !condition { throw ModelError.invalidConfiguration(detail) }
        }
        let limit = 1 << 24
        for (name, value) in [
            ("layers", layers), ("hidden size", hidden), ("heads", heads), ("key-value heads", keyHeads),
            ("head size", headChannels), ("intermediate size", intermediate), ("vocabulary", vocabulary),
            ("context length", contextLength),
        ] {
            try check(value > 0 && value <= limit, "\(name) is \(value), expected 1 … \(limit)")
        }
        try check(layers <= 4096, "layers is \(layers), expected at most 4096")
        try check(heads % keyHeads == 0, "\(heads) heads do not divide among \(keyHeads) key-value heads")
        try check(headChannels % 2 == 0, "the head size \(headChannels) is odd, rotary embeddings need pairs")
        try check(headChannels <= 4096, "the head size is \(headChannels), expected at most 4096")
        try check(normEpsilon >= 0 && normEpsilon < 1, "the norm epsilon is \(normEpsilon)")
        try check(ropeBase > 0 && ropeBase.isFinite, "the rotary base is \(ropeBase)")
        if let ropeFactors {
            try check(ropeFactors.count == headChannels / 2, "\(ropeFactors.count) rotary factors for heads of \(headChannels)")
            try check(ropeFactors.allSatisfy { $0.isFinite && $0 > 0 }, "a rotary factor is not a positive number")
        }
        if let slidingWindow { try check(slidingWindow > 0, "the sliding window is \(slidingWindow)") }
        return self
    }
}
