import Monge
import Tokenizers

/// The scores of a text's tokens, handed on when the text that they make is.
///
/// A token may be part of a character that is not whole yet, or of what may turn out to be a stop text: its scores wait as its text does.
struct ScoreQueue {
    private var waiting: [(start: Int, scores: TokenScores)] = []
    /// Bytes of the text that tokens have made, and that was handed on.
    private var made = 0
    private var told = 0
    private var isFirst = true
    private let tokenizer: any Tokenizer

    init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

    mutating func append(_ scores: TokenScores) {
        waiting.append((made, scores))
        guard tokenizer.kind(scores.chosen.token) != .control else { return }
        made += tokenizer.bytes(of: scores.chosen.token, isFirst: isFirst).count
        isFirst = false
    }

    /// The scores of the tokens that a text begins or goes on with, each with the place where it begins, in bytes.
    mutating func take(_ text: String) -> [(start: Int, scores: TokenScores)] {
        told += text.utf8.count
        let count = waiting.firstIndex { $0.start >= told } ?? waiting.count
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    /// Those that are left at an end that was no stop text.
    mutating func takeAll() -> [(start: Int, scores: TokenScores)] {
        defer { waiting = [] }
        return waiting
    }
}

/// The text of a token for a person; a part of a character shows as U+FFFD.
func text(of token: Int32, by tokenizer: any Tokenizer) -> (text: String, bytes: [UInt8]) {
    let bytes = tokenizer.bytes(of: token, isFirst: false)
    return (String(decoding: bytes, as: UTF8.self), bytes)
}

/// `logprobs` of a completion.
struct CompletionLogprobs: Encodable, Sendable {
    var tokens: [String] = []
    var tokenLogprobs: [Float] = []
    /// Text to logarithm of the probability; of tokens that look alike the likelier counts.
    var topLogprobs: [TextScores] = []
    /// In characters from the beginning of the continuation.
    var textOffset: [Int] = []

    mutating func append(_ entries: [(start: Int, scores: TokenScores)], offset: Int, by tokenizer: any Tokenizer) {
        var place = offset
        for entry in entries {
            let own = text(of: entry.scores.chosen.token, by: tokenizer).text
            tokens.append(own)
            tokenLogprobs.append(entry.scores.chosen.logProbability)
            var top: [String: Float] = [:]
            for score in entry.scores.top {
                let other = text(of: score.token, by: tokenizer).text
                top[other] = max(top[other] ?? -.infinity, score.logProbability)
            }
            topLogprobs.append(TextScores(byText: top))
            textOffset.append(place)
            place += own.unicodeScalars.count
        }
    }
}

/// A dictionary whose keys are texts as they are, whatever the encoder does to names of members.
struct TextScores: Encodable, Sendable {
    var byText: [String: Float]

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        // A dictionary's keys are not names of members: the encoder leaves them alone.
        try container.encode(byText)
    }
}

/// `logprobs` of a choice of a chat.
struct ChatLogprobs: Encodable, Sendable {
    struct Score: Encodable, Sendable {
        var token: String
        var logprob: Float
        var bytes: [UInt8]
    }

    struct Entry: Encodable, Sendable {
        var token: String
        var logprob: Float
        var bytes: [UInt8]
        var topLogprobs: [Score]
    }

    var content: [Entry]

    init(_ entries: [(start: Int, scores: TokenScores)], by tokenizer: any Tokenizer) {
        func score(_ score: TokenScore) -> Score {
            let (text, bytes) = text(of: score.token, by: tokenizer)
            return Score(token: text, logprob: score.logProbability, bytes: bytes)
        }
        content = entries.map {
            let chosen = score($0.scores.chosen)
            return Entry(
                token: chosen.token, logprob: chosen.logprob, bytes: chosen.bytes, topLogprobs: $0.scores.top.map(score))
        }
    }
}
