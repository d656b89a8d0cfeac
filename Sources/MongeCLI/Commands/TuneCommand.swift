import ArgumentParser
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Transport

/// `monge tune`: the map that does most for what it may cost.
struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Searches sites, method, support and strengths for the map that does most within a budget.",
        discussion: """
            Candidates are compared at the strength that uses up the budget, by more continuations from round to round. Half of the prompts and of the plain \
            text are kept for the comparison at the end, with the usual map at the same budget beside it. The map that is written has its answer at strength 1. \
            By default continuations have a temperature of 1, top-p 0.9 and a repetition penalty of 1.1.
            """)

    @OptionGroup var model: ModelOptions

    @Option(name: .long, help: "Sentences as the model tends to write them: .txt, .jsonl, .csv or .tsv.")
    var source: String

    @Option(name: .long, help: "Sentences as it should write.")
    var target: String

    @OptionGroup var columns: ColumnOptions

    @Option(
        name: .long,
        help: ArgumentHelp("What judges continuations: \(JudgeOptions.kinds).", valueName: "kind:what"))
    var objective: String

    @OptionGroup var judging: JudgeDetailOptions
    @OptionGroup var condition: ConditionOptionGroup

    @Flag(name: .long, help: "Continuations that the judge counts are unwanted, as with toxicity.")
    var minimise = false

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "What the map may cost: 'perplexity +10%' of the plain text, 'mmlu -1' in points. May be repeated.", valueName: "what ±amount"))
    var budget: [String] = []

    @Option(name: .long, help: "Sentences without the concept, whose perplexity is the cost.")
    var plain: String

    @Option(name: .long, help: "With a budget of MMLU: a folder with dev and test.")
    var mmlu: String?

    @Option(name: .long, help: "A file of prompts to continue (default: \"\(ConceptDefaults.prompt)\").")
    var prompts: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Search among the sites that match these (default: all).", valueName: "regex"))
    var sites: [String] = []

    @Option(name: .long, parsing: .upToNextOption, help: ArgumentHelp("Methods to try (default: linear mean).", valueName: "method"))
    var methods: [Estimator] = [.linear, .mean]

    @Option(name: .long, help: "Of the last candidates: causal, or simultaneous, as the search itself.")
    var estimation: Estimation = .causal

    @Flag(name: .long, help: "Leave the beginning-of-sequence token out of the samples.")
    var skipBos = false

    @Option(
        name: .long, parsing: .unconditional,
        help:
            "Leave this many first tokens of each sentence out of the samples: attention that needs nothing goes to the first, which is like no other.",
        transform: Number.integer(from: 0))
    var skipFirst = 1

    @Option(name: .long, parsing: .unconditional, help: "Continuations a candidate in the last round.", transform: Number.integer(from: 16))
    var samples = 192

    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "Tokens a continuation.", transform: Number.integer(from: 1))
    var tokens = 24

    @OptionGroup var sampling: SamplingOptions

    @Option(name: .long, parsing: .unconditional, help: "The most that a strength may be.", transform: Number.penalty)
    var maximumStrength: Float = 3

    @Option(
        name: .long, parsing: .unconditional, help: "At most this many sentences a side, drawn with the seed.",
        transform: Number.integer(from: 2))
    var limit: Int?

    @Option(name: .shortAndLong, help: "The map to write.")
    var out: String

    @Flag(name: .long, help: "Print JSON: all that was tried.")
    var json = false

    func validate() throws {
        let budgets = try budgets()
        let hasMMLU = budgets.contains { if case .mmlu = $0 { true } else { false } }
        if hasMMLU != (mmlu != nil) { throw ValidationError("a budget of MMLU and --mmlu FOLDER go together") }
    }

    private func budgets() throws -> [TuningBudget] {
        try budget.map { text in
            guard let budget = TuningBudget(text) else {
                throw ValidationError("--budget '\(text)' is none; give 'perplexity +10%' or 'mmlu -1'")
            }
            return budget
        }
    }

    mutating func run() throws {
        try NamedFile.check(
            outputs: [NamedFile("--out", out)],
            inputs: model.inputs + [
                NamedFile("--source", source), NamedFile("--target", target), NamedFile("--plain", plain), NamedFile("--prompts", prompts),
            ] + condition.inputs + JudgeDetailOptions.inputs(of: objective, option: "--objective"))
        let sourceSentences = try SentenceFile(path: source, column: columns.column).sentences
        let targetSentences = try SentenceFile(path: target, column: columns.targetColumn ?? columns.column).sentences
        let plainText = try SentenceFile(path: plain, column: nil).sentences
        let conditionPrompts = try condition.prompts(columns)
        let promptTexts = try prompts.map { try PromptSet(paths: [$0]).texts } ?? [ConceptDefaults.prompt]
        let judge = try judging.judge(
            objective, option: "--objective", question: nil, device: model.device, precision: model.precision)
        let exam = try mmlu.map { try ExamEvaluation($0) }
        let model = try model.load(unlessAsked: .fast)
        var options = try options()
        let tuned = try ProgressBar.during { bar in
            options.condition = try conditionPrompts.map {
                try condition.fit($0, on: model, seed: sampling.seed, maximumTokens: options.capture.maximumTokens, bar: bar)
            }
            return try model.tune(
                source: sourceSentences, target: targetSentences, judge: judge, prompts: promptTexts, plain: plainText, options: options,
                mmlu: exam.map { exam in { try exam.accuracy(on: model, steering: $0) } }, progress: bar.update, warn: Terminal.warning,
                notice: bar.notice)
        }
        try tuned.map.write(to: URL(fileURLWithPath: out))
        if json { try Output.json(tuned.report) } else { try show(tuned.report) }
        Terminal.message("wrote \(out): \(tuned.map.sites.count) sites; its strength 1 is the answer")
    }

    private func options() throws -> TuningOptions {
        var options = TuningOptions()
        options.sites = sites
        options.methods = methods
        options.estimation = estimation
        options.capture.skipsBeginning = skipBos
        options.capture.skippedTokens = skipFirst
        for budget in try budgets() {
            switch budget {
            case .perplexity(let increase): options.perplexityIncrease = increase
            case .mmlu(let points): options.mmluPoints = points
            }
        }
        options.minimises = minimise
        options.threshold = Double(judging.threshold)
        options.samples = samples
        options.generation = sampling.options(tokens: tokens, defaults: .concepts)
        options.maximumStrength = maximumStrength
        options.limit = limit
        options.seed = sampling.seed
        options.sourceName = URL(fileURLWithPath: source).lastPathComponent
        options.targetName = URL(fileURLWithPath: target).lastPathComponent
        return options
    }

    private func show(_ report: TuningReport) throws {
        func row(_ round: String, _ trial: TuningReport.Trial) -> [String] {
            [
                round, trial.candidate, String(format: "%.2f", trial.strength), Output.number(100 * trial.share, digits: 0) + " %",
                String(format: "%.3f", trial.score), String(trial.continuations),
                String(format: "%+.1f %%", 100 * trial.perplexityIncrease),
            ] + (report.budgets.contains { $0.hasPrefix("mmlu") } ? [trial.mmluChange.map { String(format: "%+.1f", $0) } ?? "–"] : [])
        }
        let columns =
            ["round", "candidate", "λ", "counted", "score", "of", "perplexity"]
            + (report.budgets.contains { $0.hasPrefix("mmlu") } ? ["MMLU"] : [])
        try Output.table(columns, report.trials.map { row(String($0.round), $0) })
        try Output.line("\nOn prompts and plain text that the search never saw, within \(report.budgets.joined(separator: ", ")):")
        try Output.table(columns, [report.untouched, report.usual, report.tuned].map { row("–", $0) })
        try Output.line("\nThe map:")
        try Output.table(
            ["sites", "number", "λ"], report.parts.map { [$0.sites, String($0.count), String(format: "%.2f", $0.strength)] })
        for example in report.examples { try Output.line("\n  \(example.replacing("\n", with: " "))") }
    }
}
