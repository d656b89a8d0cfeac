import ArgumentParser
import Foundation
import Monge
import Tensors
import Transport

/// `monge evaluate`: fits a concept in several ways and tabulates effect and cost over strengths.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Tabulates how well maps induce a concept, and what they cost in perplexity, over methods and strengths.")

    @OptionGroup var model: ModelOptions

    @Option(name: .long, help: "Sentences without the concept.")
    var source: String

    @Option(name: .long, help: "Sentences with the concept.")
    var target: String

    @Option(name: .long, help: "Words that make a continuation count as on topic, one a line.")
    var words: String

    @Option(name: .long, help: "Plain sentences for the perplexity.")
    var plain: String

    @OptionGroup var capture: CaptureOptionGroup

    @Option(name: .long, parsing: .upToNextOption, help: "The methods to compare.")
    var methods: [ColumnFit] = [.linear, .mean]

    @Option(name: .long, parsing: .upToNextOption, help: "The estimations to compare.")
    var estimations: [Estimation] = Estimation.allCases

    @Option(name: .long, parsing: .upToNextOption, help: "The supports to compare.")
    var supports: [String] = ["q_0_100", "all"]

    @Option(name: .long, help: "The strengths.")
    var strengths = Numbers([0, 0.25, 0.5, 0.75, 1])

    @Option(name: .long, help: "The prompt that is continued.")
    var prompt = "Once upon a time"

    @Option(name: .long, help: "Continuations a strength.")
    var samples = 200

    @Option(name: .long, help: "Tokens a continuation.")
    var tokens = 24

    @Option(name: .long, help: "Top-p of the continuations.")
    var topP: Float = 0.9

    @Option(name: .long, help: "Repetition penalty of the continuations.")
    var repetitionPenalty: Float = 1.1

    @Option(name: .long, help: "Seed of the continuations.")
    var seed: UInt64 = 0

    @Flag(name: .long, help: "Print JSON: an array of rows.")
    var json = false

    func validate() throws {
        for support in supports where Support(name: support) == nil {
            throw ValidationError("--supports '\(support)' is none of \(Support.names.joined(separator: ", "))")
        }
        if samples < 1 { throw ValidationError("--samples is \(samples), expected 1 or more") }
        if capture.sites.isEmpty { throw ValidationError("--sites is missing; for all layer norms: --sites '.*layernorm' 'model\\.norm'") }
    }

    mutating func run() throws {
        let sourceSentences = try Sentences.read(source, column: nil)
        let targetSentences = try Sentences.read(target, column: nil)
        var evaluation = ConceptEvaluation(
            words: try WordList(contentsOf: URL(fileURLWithPath: words)), plainText: try Sentences.read(plain, column: nil))
        evaluation.prompt = prompt
        evaluation.samples = samples
        evaluation.strengths = strengths.values
        evaluation.generation = GenerationOptions(tokens: tokens, topP: topP, repetitionPenalty: repetitionPenalty, seed: seed)
        let model = try model.load()
        var rows = [ConceptEvaluation.Row]()
        try ProgressBar.during { bar in
            for method in methods {
                for estimation in estimations {
                    for support in supports {
                        let options = FitOptions(
                            method: method, estimation: estimation, support: Support(name: support), capture: capture.options)
                        let map = try model.fit(
                            source: sourceSentences, target: targetSentences, sites: capture.sites, options: options,
                            progress: bar.update, warn: Terminal.warning)
                        rows += try evaluation.rows(for: map, on: model, progress: bar.update)
                    }
                }
            }
        }
        if json { return try Output.json(rows) }
        Output.table(
            ["method", "estimation", "support", "λ", "on topic", "perplexity", "change"],
            rows.map { row in
                [
                    row.setting.method, row.setting.estimation, row.setting.support, String(format: "%g", row.strength),
                    Output.number(100 * row.onTopic, digits: 0) + " %", Output.number(row.perplexity),
                    String(format: "%+.0f %%", 100 * row.perplexityIncrease),
                ]
            })
    }
}
