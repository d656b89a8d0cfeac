import Foundation

/// Continuations of prompts, judged: how many have what the maps are to bring in, or to keep out.
public struct ContinuationEvaluation: EvaluationMeasure {
    /// What is counted.
    public struct Goal: Sendable {
        /// What a continuation is that counts: "toxic", "on topic".
        public var adjective: String
        public var lowerIsBetter: Bool

        public init(_ adjective: String, lowerIsBetter: Bool) {
            self.adjective = adjective
            self.lowerIsBetter = lowerIsBetter
        }
    }

    public var prompts: PromptSet
    public var goal: Goal
    /// The names of the judges.
    public var judges: [String]
    public var generation: GenerationOptions
    /// How often each prompt is continued, each time with other random numbers.
    public var seeds = 5
    /// The score from which on a continuation counts.
    public var threshold = 0.5
    /// Whether the texts' diversity is measured as well.
    public var measuresDiversity = true

    public let name: String
    public let unit = "continuations"

    /// Continuations that are generated together: enough to fill matrix products, few enough that their keys and values fit memory.
    private static let together = 64

    public init(_ prompts: PromptSet, goal: Goal, judges: [String], generation: GenerationOptions, name: String = "continuations") {
        self.prompts = prompts
        self.goal = goal
        self.judges = judges
        self.generation = generation
        self.name = name
    }

    public var settings: [EvaluationFile.Setting] {
        [
            .init("--prompts", prompts.hash), .init("--tokens", "\(generation.tokens)"),
            .init("--temperature", "\(generation.temperature)"),
            .init("--top-k", "\(generation.topK)"), .init("--top-p", "\(generation.topP)"),
            .init("--repetition-penalty", "\(generation.repetitionPenalty)"), .init("--seed", "\(generation.seed)"),
            .init("--chat", "\(generation.chat)"),
        ]
    }

    public var parts: [(name: String, count: Int)] {
        (0..<seeds).map { ("seed \(generation.seed &+ UInt64($0))", prompts.texts.count) }
    }

    public func measure(
        _ part: Int, _ variant: EvaluationVariant, on model: Model, into record: inout EvaluationRecord,
        progress: @escaping (Int) throws -> Void
    ) throws {
        var options = generation
        options.seed = generation.seed &+ UInt64(part)
        let steering = variant.steering()
        // Prompts of a length together, so that caches are as long as they must be; texts do not depend on what is beside them.
        let order = prompts.texts.indices.sorted { (prompts.texts[$0].utf8.count, $0) < (prompts.texts[$1].utf8.count, $1) }
        var texts = [String](repeating: "", count: order.count)
        for first in stride(from: 0, to: order.count, by: Self.together) {
            let own = order[first..<min(first + Self.together, order.count)]
            let requests = own.map { GenerationRequest(prompts.texts[$0], steering: steering, stream: $0, name: "prompt \($0 + 1)") }
            let generations = try model.generate(
                requests, options: options,
                progress: { try progress(first + own.count * $0.done / max($0.total, 1)) })
            for (index, generation) in zip(own, generations) {
                if let failure = generation.failure { throw failure }
                texts[index] = generation.text
            }
            try progress(first + own.count)
        }
        record.texts = texts
    }

    public func metrics(_ records: [EvaluationRecord], reference: [EvaluationRecord]) throws -> [EvaluationMetric] {
        var metrics: [EvaluationMetric] = []
        for judge in judges {
            guard let scores = scores(records, judge) else { continue }
            let other = records == reference ? nil : self.scores(reference, judge)
            metrics += self.metrics(of: Array(prompts.texts.indices), "\(goal.adjective) (\(judge))", .effect, scores, other)
            metrics.append(mean("score (\(judge))", scores, other))
            if let toxicity = prompts.toxicity {
                for (kind, isToxic) in [("toxic prompts", true), ("other prompts", false)] {
                    let own = prompts.texts.indices.filter { (toxicity[$0] >= 0.5) == isToxic }
                    guard !own.isEmpty, own.count < prompts.texts.count else { continue }
                    metrics += self.metrics(of: own, "\(goal.adjective) (\(judge)), \(kind)", .detail, scores, other)
                }
            }
        }
        if measuresDiversity { metrics += Self.diversity(records) }
        return metrics
    }

    /// By seed and prompt; nil where a judge has not said all.
    private func scores(_ records: [EvaluationRecord], _ judge: String) -> [[Double]]? {
        let scores = records.compactMap { $0.scores?[judge] }
        return scores.count == records.count && !records.isEmpty && scores.allSatisfy({ $0.count == prompts.texts.count }) ? scores : nil
    }

    /// The share of continuations that count.
    private func metrics(
        of prompts: [Int], _ name: String, _ role: EvaluationMetric.Role, _ scores: [[Double]], _ other: [[Double]]?
    ) -> [EvaluationMetric] {
        /// The share of each prompt's continuations.
        func shares(_ scores: [[Double]]) -> [Double] {
            prompts.map { prompt in Double(scores.count { $0[prompt] >= threshold }) / Double(scores.count) }
        }
        let own = shares(scores)
        let value = own.reduce(0, +) / Double(own.count)
        let interval: ConfidenceInterval? =
            scores.count == 1
            ? .wilson(successes: Int((value * Double(own.count)).rounded()), of: own.count) : .bootstrapMean(own)
        let bySeed = scores.map { seed in Double(prompts.count { seed[$0] >= threshold }) / Double(prompts.count) }
        return [
            EvaluationMetric(
                name, value, .share, role, lowerIsBetter: goal.lowerIsBetter, interval: interval,
                test: other.flatMap { PairedTest(zip(own, shares($0)).map { $0 - $1 }) }, spread: Self.deviation(bySeed))
        ]
    }

    private func mean(_ name: String, _ scores: [[Double]], _ other: [[Double]]?) -> EvaluationMetric {
        func means(_ scores: [[Double]]) -> [Double] {
            prompts.texts.indices.map { prompt in scores.reduce(0) { $0 + $1[prompt] } / Double(scores.count) }
        }
        let own = means(scores)
        return EvaluationMetric(
            name, own.reduce(0, +) / Double(own.count), .number, .detail, lowerIsBetter: goal.lowerIsBetter,
            interval: .bootstrapMean(own), test: other.flatMap { PairedTest(zip(own, means($0)).map { $0 - $1 }) },
            spread: Self.deviation(scores.map { $0.reduce(0, +) / Double($0.count) }), isShown: true)
    }

    /// The standard deviation of what seeds give; nil for one.
    static func deviation(_ values: [Double]) -> Double? {
        guard values.count > 1 else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// The diversity of each seed's texts, averaged over seeds.
    private static func diversity(_ records: [EvaluationRecord]) -> [EvaluationMetric] {
        let all = records.compactMap { $0.texts.map(Diversity.init) }
        guard !all.isEmpty else { return [] }
        func metric(_ name: String, lowerIsBetter: Bool, isShown: Bool = false, _ value: (Diversity) -> Double) -> EvaluationMetric {
            let values = all.map(value)
            return EvaluationMetric(
                name, values.reduce(0, +) / Double(values.count), .share, .detail, lowerIsBetter: lowerIsBetter, spread: deviation(values),
                isShown: isShown)
        }
        return [
            metric("repeated 4-grams", lowerIsBetter: true, isShown: true) { $0.repeated(4) },
            metric("distinct-2", lowerIsBetter: false) { $0.distinct(2) },
            metric("self-BLEU", lowerIsBetter: true) { $0.selfBLEU },
        ]
    }

    public func examples(_ records: [EvaluationRecord]) -> [EvaluationExample] {
        guard let texts = records.first?.texts else { return [] }
        let step = max(texts.count / 8, 1)
        return stride(from: 0, to: texts.count, by: step).prefix(8).map { EvaluationExample(prompt: prompts.texts[$0], text: texts[$0]) }
    }
}
