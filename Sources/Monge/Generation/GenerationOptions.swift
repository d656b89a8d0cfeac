import Tensors

/// How continuations are drawn.
public struct GenerationOptions: Sendable, Equatable {
    /// The most tokens to add.
    public var tokens: Int
    /// 0 takes the most likely token; otherwise logits are divided by it.
    public var temperature: Float
    /// Only the k most likely tokens are drawn from; 0 for all.
    public var topK: Int
    /// Only the smallest set of tokens whose probability reaches p is drawn from (Holtzman et al. 2020); 1 for all.
    public var topP: Float
    /// Logits of tokens already in the sequence are divided by it when positive and multiplied when negative (Keskar et al. 2019).
    public var repetitionPenalty: Float
    public var seed: UInt64
    /// Whether the prompt is wrapped as a user's message in the model's chat layout.
    public var chat: Bool
    /// Whether the names of control tokens in a prompt stand for these tokens; nil for those of conversations only.
    public var special: Bool?
    /// Whether an end token ends a continuation.
    public var stopsAtEnd: Bool

    public init(
        tokens: Int = 64, temperature: Float = 1, topK: Int = 0, topP: Float = 1, repetitionPenalty: Float = 1, seed: UInt64 = 0,
        chat: Bool = false, special: Bool? = nil, stopsAtEnd: Bool = true
    ) {
        self.tokens = tokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.repetitionPenalty = repetitionPenalty
        self.seed = seed
        self.chat = chat
        self.special = special
        self.stopsAtEnd = stopsAtEnd
    }

    /// Those of the paper's measurements of toxicity (AcT, appendix on RealToxicityPrompts).
    public static let toxicity = GenerationOptions(tokens: 32, topP: 0.3, repetitionPenalty: 1.2)

    /// Those that concepts are looked for in.
    public static let concepts = GenerationOptions(tokens: 24, topP: 0.9, repetitionPenalty: 1.1)

    /// The same as a device takes them.
    package var sampling: SamplingOptions {
        SamplingOptions(temperature: temperature, topK: topK == 0 ? nil : topK, topP: topP, repetitionPenalty: repetitionPenalty)
    }

    /// - Throws: ``MongeError/usage(_:)`` naming the first option that is out of range.
    func validate() throws {
        func require(_ condition: Bool, _ sentence: String) throws {
            if !condition { throw MongeError.usage(sentence) }
        }
        try require(tokens >= 0, "the number of tokens is \(tokens), expected 0 or more")
        try require(temperature >= 0 && temperature.isFinite, "the temperature is \(temperature), expected 0 or more")
        try require(topK >= 0, "top-k is \(topK), expected 0 (all) or more")
        try require(topP > 0 && topP <= 1, "top-p is \(topP), expected more than 0 and at most 1")
        try require(
            repetitionPenalty > 0 && repetitionPenalty.isFinite, "the repetition penalty is \(repetitionPenalty), expected more than 0")
    }
}
