import Tensors

/// How a condition is fitted.
public struct ConditionOptions: Sendable {
    /// How a prompt's tokens become one vector.
    public var pooling: Pooling
    /// Prompts are cut to this many tokens.
    public var maximumTokens: Int
    /// How many tokens at a prompt's beginning stay out of the vector. The first token of a text, that of the beginning of a sequence or not, draws
    /// the attention of all others and is like none of them, whatever it says.
    public var skippedTokens: Int
    /// Whether prompts are wrapped as a user's messages in the model's chat layout, as they will be when requests are.
    public var isChat: Bool
    /// The least share of the held-out source prompts that meet the condition, 0 to 1: more than the best balanced accuracy has steers more of what is to
    /// be steered, and more of what is not.
    public var recall: Double
    public var seed: UInt64
    /// What the file says of the data.
    public var sourceName: String
    public var targetName: String

    public init(
        pooling: Pooling = .mean, maximumTokens: Int = 128, skippedTokens: Int = 1, isChat: Bool = false, recall: Double = 0,
        seed: UInt64 = 0,
        sourceName: String = "source", targetName: String = "target"
    ) {
        self.pooling = pooling
        self.maximumTokens = maximumTokens
        self.skippedTokens = skippedTokens
        self.isChat = isChat
        self.recall = recall
        self.seed = seed
        self.sourceName = sourceName
        self.targetName = targetName
    }
}
