import CPUBackend
import Foundation
import Models
import Tensors

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

extension Model {
    /// The perplexity of sentences, each on its own: every token but the first is predicted from those before it (the first too,
    /// where the model begins a text with a token of its own).
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
        let limit = min(maximumTokens, language.contextLength)
        let whole = sentences.map { tokenizer.encode($0, addSpecial: true, parseSpecial: false) }
        let scored = whole.indices.filter { whole[$0].count > 1 }
        let tokenised = scored.map { Array(whole[$0].prefix(limit)) }
        let cut = scored.count { whole[$0].count > limit }
        reportCuts(cut, of: scored.count, "sentences", maximumTokens: maximumTokens, warn: warn)
        guard !tokenised.isEmpty else { throw MongeError.usage("the text has no sentence of two or more tokens") }
        let installed = try InstalledSteering([steering], on: language)
        var losses = [(sum: Double, count: Int)]()
        for group in Model.groups(tokenised.map(\.count), rows: CalibrationSet.rowsPerBatch) {
            let sequences = tokenised[group]
            let batch = try TokenBatch(
                sequences.enumerated().map { TokenBatch.Sequence(tokens: $1, slot: $0) },
                capacity: sequences.map(\.count).max()!, on: backend)
            let context = ForwardContext(
                backend: backend, transports: try installed.transports(for: sequences.map { ($0.count, steering) }))
            let hidden = try language.forward(batch, cache: nil, context: context, output: .all)
            losses += try negativeLogLikelihoods(hidden, sequences: Array(sequences)) { index in
                let number = scored[group.lowerBound + index]
                throw MongeError.notFinite(
                    try self.nonFiniteNumbers(
                        "logits", name: "sentence \(number + 1)", text: sentences[number], tokens: Array(whole[number].prefix(limit)),
                        steering: steering))
            }
            progress?(Progress(activity: "scoring", done: group.upperBound, total: tokenised.count, unit: "sentences"))
        }
        let sentencePerplexities = losses.map { exp($0.sum / Double($0.count)) }.sorted()
        let count = losses.reduce(0) { $0 + $1.count }
        let middle = sentencePerplexities.count / 2
        return Perplexity(
            sentences: losses.count, tokens: count, perToken: exp(losses.reduce(0) { $0 + $1.sum } / Double(count)),
            meanOfSentences: sentencePerplexities.reduce(0, +) / Double(losses.count),
            medianOfSentences: sentencePerplexities.count % 2 == 1
                ? sentencePerplexities[middle] : (sentencePerplexities[middle - 1] + sentencePerplexities[middle]) / 2,
            cutSentences: cut)
    }

    /// The summed negative log-likelihood of each sequence's tokens but the first.
    /// - Parameter fail: Called with the index of a sequence that has a score which is not finite.
    private func negativeLogLikelihoods(
        _ hidden: Tensor, sequences: [[Int32]], fail: (_ sequence: Int) throws -> Never
    ) throws -> [(sum: Double, count: Int)] {
        let width = language.vocabularySize
        let rowCount = hidden.shape[0]
        // The sequence and the next token of each row; nil at the end of a sequence.
        let next = sequences.enumerated().flatMap { index, tokens in
            (1...tokens.count).map { (sequence: index, token: $0 < tokens.count ? tokens[$0] : nil) }
        }
        var rowLosses = [Double](repeating: 0, count: rowCount)
        for start in stride(from: 0, to: rowCount, by: Model.logitRows) {
            let range = start..<min(start + Model.logitRows, rowCount)
            let logits = try backend.readFloats(language.logits(hidden.rows(range)))
            try logits.withUnsafeBufferPointer { logits in
                for row in range {
                    let scores = UnsafeBufferPointer(rebasing: logits[(row - start) * width..<(row - start + 1) * width])
                    guard scores.isFinite else { try fail(next[row].sequence) }
                    guard let token = next[row].token else { continue }
                    rowLosses[row] = logSumExp(scores) - Double(scores[Int(token)])
                }
            }
        }
        var offset = 0
        return sequences.map { tokens in
            defer { offset += tokens.count }
            return (rowLosses[offset..<offset + tokens.count - 1].reduce(0, +), tokens.count - 1)
        }
    }

    /// log Σ exp(score), by exponentials of what lies below the largest.
    private func logSumExp(_ scores: UnsafeBufferPointer<Float>) -> Double {
        let maximum = VectorMath.maximum(scores)
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: scores.count) { scratch in
            Double(maximum) + log(VectorMath.exponentials(scores, shift: maximum, into: scratch))
        }
    }
}
