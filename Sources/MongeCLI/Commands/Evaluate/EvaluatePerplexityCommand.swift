import ArgumentParser
import Monge

/// `monge evaluate perplexity`: what maps cost in fluency.
struct EvaluatePerplexityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity", abstract: "Measures the perplexity of plain sentences with and without maps.",
        discussion: """
            The mean over sentences of each one's perplexity, which is what the change is told of, and the perplexity of the corpus: of all tokens together. \
            Intervals are percentile bootstraps over sentences.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var series: SeriesOptions
    @OptionGroup var plain: PlainTextOptions
    @OptionGroup var result: ResultOptions

    func validate() throws {
        if plain.plain == nil { throw ValidationError("--plain is missing: sentences to score") }
    }

    mutating func run() throws {
        try result.check(inputs: model.inputs + series.inputs + plain.inputs)
        let measure = try plain.measure()!
        let maps = try series.series()
        try result.run(EvaluationRun(measures: [measure], series: maps), task: "perplexity", on: model.load(unlessAsked: .fast), model)
    }
}
