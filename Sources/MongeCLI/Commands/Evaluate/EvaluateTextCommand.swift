import ArgumentParser
import Foundation
import ModelFiles
import Monge
import Tensors
import Transport

/// `monge evaluate text`: fits a concept in several ways and tabulates effect and cost over strengths.
struct EvaluateTextCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "text",
        abstract: "Tabulates how well maps induce a concept, and what they cost in perplexity, over methods and strengths.")

    @OptionGroup var model: ModelOptions

    @Option(name: .long, help: "Sentences without the concept: .txt, .jsonl, .csv or .tsv; - is standard input.")
    var source: String

    @Option(name: .long, help: "Sentences with the concept.")
    var target: String

    @Option(name: .long, help: "Words that make a continuation count as on topic, one a line.")
    var words: String

    @Option(name: .long, help: "Plain sentences for the perplexity.")
    var plain: String

    @OptionGroup var columns: ColumnOptions
    @OptionGroup var capture: CaptureOptionGroup

    @Option(name: .long, parsing: .upToNextOption, help: "The methods to compare.")
    var methods: [Estimator] = [.linear, .mean]

    @Option(name: .long, parsing: .upToNextOption, help: "The estimations to compare.")
    var estimations: [Estimation] = Estimation.allCases

    @Option(name: .long, parsing: .upToNextOption, help: "The supports to compare.")
    var supports: [String] = ["q_0_100", "all"]

    @Option(name: .long, parsing: .unconditional, help: "The strengths.", transform: Number.strengths)
    var strengths = Strengths([0, 0.25, 0.5, 0.75, 1])

    @Option(name: .shortAndLong, parsing: .unconditional, help: "The prompt that is continued; - is standard input.")
    var prompt = "Once upon a time"

    @Option(name: .long, parsing: .unconditional, help: "Continuations a strength.", transform: Number.samples)
    var samples = 200

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional, help: "Tokens a continuation.", transform: Number.integer(from: 0))
    var tokens = 24

    @Option(name: .long, parsing: .unconditional, help: "Top-p of the continuations.", transform: Number.probability)
    var topP: Float = 0.9

    @Option(name: .long, parsing: .unconditional, help: "Repetition penalty of the continuations.", transform: Number.penalty)
    var repetitionPenalty: Float = 1.1

    @Option(name: .long, parsing: .unconditional, help: "Seed of the continuations.", transform: Number.seed)
    var seed: UInt64 = 0

    @Flag(name: .long, help: "Print JSON: an array of rows.")
    var json = false

    func validate() throws {
        for support in supports where Support(name: support) == nil {
            throw ValidationError("--supports '\(support)' is none of \(Support.names.joined(separator: ", "))")
        }
        if capture.memory != nil {
            throw ValidationError("--memory bounds a fit, not the texts and perplexities of a table: fit with `monge fit --memory`")
        }
        try StandardInput.checkOnce([source, target, plain, prompt])
        if capture.sites.isEmpty { throw ValidationError("--sites is missing; for all layer norms: --sites '.*layernorm' 'model\\.norm'") }
    }

    mutating func run() throws {
        let sourceSentences = try SentenceFile(path: source, column: columns.column).sentences
        let targetSentences = try SentenceFile(path: target, column: columns.targetColumn ?? columns.column).sentences
        var evaluation = ConceptEvaluation(
            words: try WordList(contentsOf: URL(fileURLWithPath: words)),
            plainText: try SentenceFile(path: plain, column: columns.column).sentences)
        evaluation.prompt = prompt == StandardInput.name ? try StandardInput.text() : prompt
        evaluation.samples = samples
        evaluation.strengths = strengths.values
        evaluation.generation = GenerationOptions(tokens: tokens, topP: topP, repetitionPenalty: repetitionPenalty, seed: seed)
        let model = try model.load(unlessAsked: .fast)
        var rows = [ConceptEvaluation.Row]()
        var warnings = Set<String>()
        // Every fit meets the same sentences.
        func warn(_ warning: String) {
            if warnings.insert(warning).inserted { Terminal.warning(warning) }
        }
        try ProgressBar.during { bar in
            for method in methods {
                for estimation in estimations {
                    for support in supports {
                        let options = FitOptions(
                            method: method, estimation: estimation, support: Support(name: support), capture: capture.options)
                        let map = try model.fit(
                            source: sourceSentences, target: targetSentences, sites: capture.sites, options: options,
                            progress: bar.update, warn: warn)
                        rows += try evaluation.rows(for: map, on: model, progress: bar.update, warn: warn)
                    }
                }
            }
        }
        if json {
            try Output.json(rows)
        } else {
            func cell(_ value: Double?, _ text: (Double) -> String) -> String { value.map(text) ?? "–" }
            try Output.table(
                ["method", "estimation", "support", "λ", "on topic", "perplexity", "change"],
                rows.map { row in
                    [
                        row.setting.method, row.setting.estimation, row.setting.support, String(format: "%g", row.strength),
                        cell(row.onTopic) { Output.number(100 * $0, digits: 0) + " %" }, cell(row.perplexity) { Output.number($0) },
                        cell(row.perplexityIncrease) { String(format: "%+.0f %%", 100 * $0) },
                    ]
                })
        }
        let errors = rows.compactMap(\.error)
        for error in errors { Terminal.message("monge: \(error)") }
        if !errors.isEmpty { throw ExitCode(1) }
    }
}
