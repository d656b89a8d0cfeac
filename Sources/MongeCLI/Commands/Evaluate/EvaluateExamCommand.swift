import ArgumentParser
import Foundation
import Monge

/// `monge evaluate mmlu`: what maps cost in knowledge.
struct EvaluateExamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mmlu",
        abstract: "Answers questions with four choices by the likeliest letter, after examples, with and without maps.",
        discussion: """
            The log-probability of the right letter is compared question by question with the model as it is (Student's t): where a model knows little, \
            that tells of losses before the share of right answers does. Subjects that the model as it is answers no better than by chance are marked.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var series: SeriesOptions
    @OptionGroup var exam: ExamOptions
    @OptionGroup var result: ResultOptions

    func validate() throws {
        if exam.mmlu == nil { throw ValidationError("--mmlu is missing: a folder with dev/ and test/") }
    }

    mutating func run() throws {
        try result.check(inputs: model.inputs + series.inputs)
        let measure = try exam.measure(role: .effect)!
        let maps = try series.series()
        try result.run(EvaluationRun(measures: [measure], series: maps), task: "mmlu", on: model.load(unlessAsked: .fast), model)
    }
}

/// `--mmlu`, `--subjects`, `--shots`, `--limit`.
struct ExamOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("A folder of MMLU: dev/ with examples and test/ with questions, a .csv file a subject.", valueName: "folder"))
    var mmlu: String?

    @Option(name: .long, parsing: .upToNextOption, help: "Only these subjects.")
    var subjects: [String] = []

    @Option(name: .long, parsing: .unconditional, help: "Examples before each question.", transform: Number.integer(from: 0))
    var shots = 5

    @Option(
        name: .long, parsing: .unconditional, help: "Only the first so many questions of each subject.", transform: Number.integer(from: 1))
    var questionsPerSubject: Int?

    /// Nil where there is no folder.
    func measure(role: EvaluationMetric.Role) throws -> ExamEvaluation? {
        try mmlu.map { try ExamEvaluation($0, subjects: subjects, shots: shots, limit: questionsPerSubject, role: role) }
    }
}
