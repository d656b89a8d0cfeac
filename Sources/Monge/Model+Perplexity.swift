import CPUBackend
import Foundation

/// How surprised a model is by a text.
public struct Perplexity: Sendable, Codable, Equatable {
    public var sentences: Int
    /// The tokens that were predicted.
    public var tokens: Int
    /// exp of the mean negative log-likelihood of all tokens.
    public var perToken: Double
    /// The mean over sentences of exp(mean negative log-likelihood), as the AcT paper reports it.
    public var meanOfSentences: Double
    /// The median over sentences of the same.
    public var medianOfSentences: Double
    /// The sentences that were longer than the most tokens, and were cut.
    public var cutSentences: Int
}

/// What a model loses on a sentence.
public struct SentenceLoss: Sendable, Codable, Equatable {
    /// The summed negative log-likelihood of the tokens that are predicted.
    public var sum: Double
    /// How many those are.
    public var tokens: Int

    public init(sum: Double, tokens: Int) {
        self.sum = sum
        self.tokens = tokens
    }

    /// exp(mean negative log-likelihood).
    public var perplexity: Double { exp(sum / Double(tokens)) }
}

extension Perplexity {
    /// - Parameter losses: At least one.
    public init(_ losses: [SentenceLoss], cutSentences: Int) {
        let sorted = losses.map(\.perplexity).sorted()
        let count = losses.reduce(0) { $0 + $1.tokens }
        let middle = sorted.count / 2
        self.init(
            sentences: losses.count, tokens: count, perToken: Perplexity.corpus(losses),
            meanOfSentences: sorted.reduce(0, +) / Double(losses.count),
            medianOfSentences: sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2,
            cutSentences: cutSentences)
    }
}

extension Model {
    /// The perplexity of sentences, each on its own: every token but the first is predicted from those before it (the first too,
    /// where the model begins a text with a token of its own).
    ///
    /// A map whose position is `last` acts as it does while a text is generated: on every token that another follows. A map with a condition acts in the
    /// sentences that meet it.
    ///
    /// - Parameters:
    ///   - sentences: Those of a single token are left out: nothing is predicted in them.
    ///   - maximumTokens: Sentences are cut to this many tokens.
    ///   - warn: Told, in a sentence, how many sentences were cut.
    /// - Throws: ``MongeError/usage(_:)`` when no sentence has two tokens, ``MongeError/notFinite(_:)`` when a score is a NaN or an
    ///   infinity.
    public func perplexity(
        of sentences: [String], steering: [Steer] = [], maximumTokens: Int = 128, progress: ProgressHandler? = nil,
        warn: (String) -> Void = { _ in }
    ) throws -> Perplexity {
        let texts = try scoredSentences(sentences, maximumTokens: maximumTokens, warn: warn)
        return Perplexity(try losses(of: texts.sentences, steering: steering, progress: progress), cutSentences: texts.cut)
    }

    /// A sentence as it is scored.
    struct ScoredSentence {
        /// Its place among all sentences, from 0.
        var index: Int
        /// Two or more.
        var tokens: [Int32]
    }

    /// The tokens of sentences, cut; those in which nothing is predicted are left out.
    func scoredSentences(
        _ sentences: [String], maximumTokens: Int, minimumTokens: Int = 2, warn: (String) -> Void
    ) throws -> (sentences: [ScoredSentence], cut: Int) {
        let limit = min(maximumTokens, language.contextLength)
        let whole = sentences.enumerated().map {
            ScoredSentence(index: $0, tokens: tokenizer.encode($1, addSpecial: true, parseSpecial: false))
        }
        let scored = whole.filter { $0.tokens.count >= max(minimumTokens, 2) }
        let cut = scored.count { $0.tokens.count > limit }
        reportCuts(cut, of: scored.count, "sentences", maximumTokens: maximumTokens, warn: warn)
        guard !scored.isEmpty else {
            throw MongeError.usage("the text has no sentence of \(minimumTokens <= 2 ? "two" : "\(minimumTokens)") or more tokens")
        }
        return (scored.map { ScoredSentence(index: $0.index, tokens: Array($0.tokens.prefix(limit))) }, cut)
    }

    /// What is lost on each of some sentences.
    func losses(of sentences: [ScoredSentence], steering: [Steer], progress: ProgressHandler? = nil) throws -> [SentenceLoss] {
        let requests = sentences.map {
            ScoringRequest(
                context: [$0.tokens[0]], options: [Array($0.tokens.dropFirst())], steering: steering, name: "sentence \($0.index + 1)",
                prompt: $0.tokens)
        }
        let scorer = try ContinuationScorer(self, steerings: [steering], longest: sentences.map(\.tokens.count).max() ?? 0)
        return try scorer.tokenScores(requests) { done in
            try progress?(Progress(activity: "scoring", done: done, total: requests.count, unit: "sentences"))
        }.map { SentenceLoss(sum: -$0[0].reduce(0, +), tokens: $0[0].count) }
    }

    /// log Σ exp(score), by exponentials of what lies below the largest.
    static func logSumExp(_ scores: UnsafeBufferPointer<Float>) -> Double {
        let maximum = VectorMath.maximum(scores)
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: scores.count) { scratch in
            Double(maximum) + log(VectorMath.exponentials(scores, shift: maximum, into: scratch))
        }
    }
}
