import Foundation

/// MMLU: questions with four choices, answered by the likeliest letter after a few examples (Hendrycks et al. 2021).
public struct ExamEvaluation: EvaluationMeasure {
    private let subjects: [ExamFolder.Subject]
    private let hash: String
    private let shots: Int
    private let limit: Int?
    /// What accuracy is in comparisons: the effect, or worth knowing beside.
    private let role: EvaluationMetric.Role

    public let name = "mmlu"
    public let unit = "questions"

    /// - Parameters:
    ///   - path: A folder with `dev` and `test`.
    ///   - subjects: Those wanted; empty for all.
    ///   - limit: Only so many questions of each subject.
    public init(
        _ path: String, subjects: [String] = [], shots: Int = 5, limit: Int? = nil, role: EvaluationMetric.Role = .effect
    ) throws {
        let folder = try ExamFolder(path: path, subjects: subjects, shots: shots, limit: limit)
        self.subjects = folder.subjects
        hash = folder.hash
        self.shots = shots
        self.limit = limit
        self.role = role
    }

    public var settings: [EvaluationFile.Setting] {
        [.init("--mmlu", hash), .init("--shots", "\(shots)"), .init("--questions-per-subject", limit.map(String.init) ?? "all")]
    }

    public var parts: [(name: String, count: Int)] { subjects.map { ($0.name, $0.questions.count) } }

    /// What stands before the letter of the answer.
    ///
    /// As in hendrycks/test, with the spaces of EleutherAI's lm-evaluation-harness: one after "about", none around a question.
    package static func prompt(
        _ question: ExamTable.Question, subject: String, examples: ArraySlice<ExamTable.Question>
    ) -> String {
        let title = subject.replacing("_", with: " ")
        let head = "The following are multiple choice questions (with answers) about \(title).\n\n"
        return head + examples.map { "\(text($0)) \(ExamTable.letters[$0.answer])\n\n" }.joined() + text(question)
    }

    private static func text(_ question: ExamTable.Question) -> String {
        let choices = zip(ExamTable.letters, question.choices).map { "\n\($0). \($1)" }.joined()
        return question.question.trimmingCharacters(in: .whitespacesAndNewlines) + choices + "\nAnswer:"
    }

    /// A question as it is scored, with fewer examples where the model's context does not hold all (as in hendrycks/test).
    package func request(_ question: Int, of part: Int, steering: [Steer], on model: Model) throws -> ScoringRequest {
        let subject = subjects[part]
        let options = ExamTable.letters.map { " " + $0 }
        for count in (0...subject.examples.count).reversed() {
            do {
                return try model.scoringRequest(
                    context: Self.prompt(subject.questions[question], subject: subject.name, examples: subject.examples.prefix(count)),
                    options: options, steering: steering, name: "question \(question + 1) of \(subject.name)")
            } catch MongeError.contextExceeded(let sentence) where count == 0 {
                throw MongeError.contextExceeded(sentence)
            } catch MongeError.contextExceeded { continue }
        }
        preconditionFailure("the last of these returns or throws")
    }

    public func measure(
        _ part: Int, _ variant: EvaluationVariant, on model: Model, into record: inout EvaluationRecord,
        progress: @escaping (Int) throws -> Void
    ) throws {
        let steering = variant.steering()
        let requests = try subjects[part].questions.indices.map { try request($0, of: part, steering: steering, on: model) }
        record.options = try model.optionScores(requests, progress: progress)
    }

    /// The place of the likeliest option, the first of equal ones.
    private static func choice(_ options: [Double]) -> Int { options.indices.max { (options[$0], $1) < (options[$1], $0) }! }

    /// The share of questions that a model answers rightly under maps, the mean over subjects.
    public func accuracy(on model: Model, steering: [Steer]) throws -> Double {
        let shares = try subjects.indices.map { part in
            let questions = subjects[part].questions
            let options = try model.optionScores(questions.indices.map { try request($0, of: part, steering: steering, on: model) }) { _ in
            }
            return Double(zip(options, questions).count { Self.choice($0) == $1.answer }) / Double(questions.count)
        }
        return shares.reduce(0, +) / Double(shares.count)
    }

    public func metrics(_ records: [EvaluationRecord], reference: [EvaluationRecord]) throws -> [EvaluationMetric] {
        /// Whether each question of a subject is answered rightly.
        func answers(_ records: [EvaluationRecord]) -> [[Bool]] {
            zip(records, subjects).map { record, subject in
                zip(record.options ?? [], subject.questions).map { Self.choice($0) == $1.answer }
            }
        }
        func share(_ answers: [Bool]) -> Double { Double(answers.count(where: \.self)) / Double(answers.count) }
        /// How likely the right letter is, as a logarithm.
        func right(_ record: EvaluationRecord, _ subject: Int) -> [Double] {
            zip(record.options ?? [], subjects[subject].questions).map { $0[$1.answer] }
        }
        let own = answers(records)
        let mean = own.map(share).reduce(0, +) / Double(own.count)
        // Subjects that the model as it is knows something of: the others could lose nothing.
        let known = zip(answers(reference), subjects).map { answers, _ in
            ConfidenceInterval.wilson(successes: answers.count(where: \.self), of: answers.count).lower > 1
                / Double(ExamTable.letters.count)
        }
        func differences(_ chosen: (Int) -> Bool) -> [Double] {
            reference.indices.filter(chosen).flatMap { index in
                zip(right(records[index], index), right(reference[index], index)).map { $0 - $1 }
            }
        }
        let isReference = records == reference
        let logarithms = subjects.indices.flatMap { right(records[$0], $0) }
        var metrics = [
            EvaluationMetric(
                "MMLU", mean, .share, role, lowerIsBetter: false,
                interval: .bootstrapMean(ofGroups: own.map { $0.map { $0 ? 1 : 0 } }), isShown: true),
            EvaluationMetric(
                "log p(right letter)", logarithms.reduce(0, +) / Double(logarithms.count), .number, .detail, lowerIsBetter: false,
                interval: .bootstrapMean(logarithms), test: isReference ? nil : PairedTest(differences { _ in true }), isShown: true),
        ]
        if known.contains(true), !isReference, let test = PairedTest(differences { known[$0] }) {
            metrics.append(
                EvaluationMetric(
                    "Δ log p, subjects above chance", test.difference, .number, .detail, lowerIsBetter: false, interval: test.interval,
                    test: test,
                    isShown: true))
        }
        for (index, subject) in subjects.enumerated() {
            var metric = EvaluationMetric(
                "MMLU \(subject.name)", share(own[index]), .share, .detail, lowerIsBetter: false,
                interval: .wilson(successes: own[index].count(where: \.self), of: own[index].count),
                test: isReference ? nil : PairedTest(differences { $0 == index }))
            if known.indices.contains(index) { metric.mark = known[index] ? "above chance" : "not above chance" }
            metrics.append(metric)
        }
        return metrics
    }
}

extension Model {
    /// The log-probability of each option of each request, summed over its tokens.
    func optionScores(_ requests: [ScoringRequest], progress: (Int) throws -> Void) throws -> [[Double]] {
        var steerings: [[Steer]] = []
        for request in requests where !steerings.contains(request.steering) { steerings.append(request.steering) }
        let longest = requests.map { $0.context.count + ($0.options.map(\.count).max() ?? 0) }.max() ?? 0
        return try ContinuationScorer(self, steerings: steerings, longest: longest).tokenScores(requests, progress: progress)
            .map { $0.map { $0.reduce(0, +) } }
    }
}
