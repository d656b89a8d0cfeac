import Foundation
import Foundations

/// The perplexity of plain text: what maps cost.
public struct PerplexityEvaluation: EvaluationMeasure {
    private let sentences: [String]
    private let maximumTokens, minimumTokens: Int
    private let warn: (String) -> Void

    public let name = "perplexity"
    public let unit = "sentences"

    /// What the cost is called in tables.
    public static let cost = "perplexity change"

    /// - Parameters:
    ///   - minimumTokens: Sentences with fewer are left out, such as headings.
    ///   - warn: Told, in a sentence, how many sentences were cut.
    public init(_ sentences: [String], maximumTokens: Int = 128, minimumTokens: Int = 2, warn: @escaping (String) -> Void = { _ in }) {
        self.sentences = sentences
        self.maximumTokens = maximumTokens
        self.minimumTokens = minimumTokens
        self.warn = warn
    }

    public var settings: [EvaluationFile.Setting] {
        var hash = FNVHash()
        for sentence in sentences { hash.add(sentence.utf8.map { $0 } + [0]) }
        return [
            .init("--plain", hash.text), .init("--max-tokens", "\(maximumTokens)"), .init("--min-tokens", "\(minimumTokens)"),
        ]
    }

    public var parts: [(name: String, count: Int)] { [("plain text", sentences.count)] }

    public func measure(
        _ part: Int, _ variant: EvaluationVariant, on model: Model, into record: inout EvaluationRecord,
        progress: @escaping (Int) throws -> Void
    ) throws {
        let texts = try model.scoredSentences(
            sentences, maximumTokens: maximumTokens, minimumTokens: minimumTokens, warn: variant.series == nil ? warn : { _ in })
        record.losses = try model.losses(of: texts.sentences, steering: variant.steering()) {
            // Those that are left out are done with the others.
            try progress($0.done * sentences.count / max($0.total, 1))
        }
    }

    public func metrics(_ records: [EvaluationRecord], reference: [EvaluationRecord]) -> [EvaluationMetric] {
        let own = records.flatMap { $0.losses ?? [] }
        let perplexity = Perplexity(own, cutSentences: 0)
        let each = own.map(\.perplexity)
        var metrics = [
            EvaluationMetric(
                "perplexity", perplexity.meanOfSentences, .number, .detail, lowerIsBetter: true, interval: .bootstrapMean(each),
                isShown: true),
            EvaluationMetric(
                "perplexity of the corpus", perplexity.perToken, .number, .detail, lowerIsBetter: true,
                interval: .bootstrap(units: own.count) { Perplexity.corpus($0.map { own[$0] }) }, isShown: true),
        ]
        let other = reference.flatMap { $0.losses ?? [] }.map(\.perplexity)
        guard other.count == each.count else { return metrics }
        func change(_ drawn: some Collection<Int>) -> Double {
            drawn.reduce(0) { $0 + each[$1] } / drawn.reduce(0) { $0 + other[$1] } - 1
        }
        let before = Perplexity(reference.flatMap { $0.losses ?? [] }, cutSentences: 0)
        metrics += [
            EvaluationMetric(
                Self.cost, change(each.indices), .change, .cost, lowerIsBetter: true,
                interval: records == reference ? nil : .bootstrap(units: each.count) { change($0) }),
            EvaluationMetric(
                "perplexity change (median)", perplexity.medianOfSentences / before.medianOfSentences - 1, .change, .detail,
                lowerIsBetter: true),
            EvaluationMetric(
                "perplexity change (corpus)", perplexity.perToken / before.perToken - 1, .change, .detail, lowerIsBetter: true),
        ]
        return metrics
    }
}

extension Perplexity {
    /// exp of the mean negative log-likelihood of all tokens.
    static func corpus(_ losses: [SentenceLoss]) -> Double {
        exp(losses.reduce(0) { $0 + $1.sum } / Double(losses.reduce(0) { $0 + $1.tokens }))
    }
}
