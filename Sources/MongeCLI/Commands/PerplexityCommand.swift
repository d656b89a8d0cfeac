import ArgumentParser
import Foundation
import Monge

/// `monge perplexity`: how surprised a model is by a text, steered or not.
struct PerplexityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity", abstract: "Measures the perplexity of sentences, each on its own.")

    @OptionGroup var model: ModelOptions

    @Option(name: .long, help: "Sentences: .txt, .jsonl, .csv or .tsv.")
    var text: String

    @Option(name: .long, help: "The column of the sentences in a .csv or .tsv file.")
    var column: String?

    @Option(name: .long, help: "Sentences are cut to this many tokens.")
    var maxTokens = 128

    @OptionGroup var steering: SteerOptions

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func validate() throws {
        if maxTokens < 2 { throw ValidationError("--max-tokens is \(maxTokens), expected 2 or more") }
    }

    mutating func run() throws {
        let sentences = try Sentences.read(text, column: column)
        let steering = try steering.steering()
        let model = try model.load()
        let result = try ProgressBar.during { bar in
            try model.perplexity(of: sentences, steering: steering, maximumTokens: maxTokens, progress: bar.update)
        }
        if json { return try Output.json(result) }
        Output.table(
            ["sentences", "tokens", "per token", "mean of sentences", "median of sentences"],
            [
                [
                    String(result.sentences), String(result.tokens), Output.number(result.perToken),
                    Output.number(result.meanOfSentences), Output.number(result.medianOfSentences),
                ]
            ])
    }
}
