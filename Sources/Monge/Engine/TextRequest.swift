import Foundation

/// A text to be continued, by an ``InferenceEngine``.
public struct TextRequest: Sendable {
    /// What is continued.
    public enum Prompt: Sendable, Equatable {
        case text(String)
        /// A conversation that a chat template has written: no token is put before or after it, and names of control tokens stand for these.
        case conversation(String)
        case tokens([Int32])
    }

    public var prompt: Prompt
    /// The most tokens to add, how they are drawn, and whether an end token ends the text. `chat` is no part of it: a conversation is written first.
    public var options: GenerationOptions
    /// The number of its stream of random numbers under the seed.
    public var stream: Int
    /// Maps in the order in which they act at a site, and when.
    public var steering: [ScheduledSteer]
    /// Texts that end the continuation, and are no part of it.
    public var stop: [String]
    /// Who asks: clients get equal shares of the device.
    public var client: String
    /// When the continuation ends however far it is; nil for never.
    public var deadline: ContinuousClock.Instant?
    /// Whether it is told how likely each token was, and how many others that were likelier or next (0 for the token alone); nil for neither.
    public var scores: Int?

    public init(
        _ prompt: Prompt, options: GenerationOptions = GenerationOptions(), stream: Int = 0, steering: [ScheduledSteer] = [],
        stop: [String] = [], client: String = "", deadline: ContinuousClock.Instant? = nil, scores: Int? = nil
    ) {
        self.prompt = prompt
        self.options = options
        self.stream = stream
        self.steering = steering
        self.stop = stop
        self.client = client
        self.deadline = deadline
        self.scores = scores
    }
}

/// What comes of a request, in order; the last event says how it ended.
public enum TextEvent: Sendable, Equatable {
    /// What the text grew by: whole characters, and nothing that may turn out to be the beginning of a stop text.
    case text(String)
    /// How likely a token was, of a request that asks for it: before the text that it completes.
    case scores(TokenScores)
    case ended(TextEnding)
}

/// How a continuation ended.
public struct TextEnding: Sendable, Equatable {
    public enum Reason: Sendable, Equatable {
        /// By a token of the model's own.
        case end
        /// By a text of the request's.
        case stop(String)
        /// All the tokens that were asked for are there.
        case length
        /// Its time was over.
        case deadline
    }

    public var reason: Reason
    public var promptTokens: Int
    /// The tokens that were added, those of a stop text among them.
    public var tokens: [Int32]
    /// For each map whether the prompt met its condition, nil for a map without one; empty where no map has one.
    public var metConditions: [Bool?]
}
