import ArgumentParser
import Foundation
import Monge

/// `monge perplexity`: how surprised a model is by a text, steered or not.
struct PerplexityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity", abstract: "Measures the perplexity of sentences, each on its own.")

    @OptionGroup var model: ModelOptions

    @OptionGroup var sentences: SentencesOption
    @OptionGroup var length: LengthOption
    @OptionGroup var steering: SteerOptions

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func validate() throws {
        if length.maxTokens < 2 {
            throw ValidationError("--max-tokens is \(length.maxTokens), expected 2 or more: the first is not predicted")
        }
    }

    mutating func run() throws {
        let sentences = try sentences.read()
        let steering = try steering.steering()
        let model = try model.load(unlessAsked: .exact)
        let result = try ProgressBar.during { bar in
            try model.perplexity(
                of: sentences, steering: steering, maximumTokens: length.maxTokens, progress: bar.update, warn: Terminal.warning)
        }
        if json { return try Output.json(result) }
        try Output.table(
            ["sentences", "tokens", "per token", "mean of sentences", "median of sentences"],
            [
                [
                    String(result.sentences), String(result.tokens), Output.number(result.perToken),
                    Output.number(result.meanOfSentences), Output.number(result.medianOfSentences),
                ]
            ])
    }
}
