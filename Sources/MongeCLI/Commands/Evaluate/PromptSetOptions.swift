import ArgumentParser
import Monge

/// Prompts that are continued, and how: `--prompts`, `--seeds` and what draws tokens, by default as in the paper's measurements of toxicity.
struct PromptSetOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help:
            "Files of prompts to continue: RealToxicityPrompts in JSON lines (prompt.text, prompt.toxicity), or .txt, .jsonl, .csv or .tsv."
    )
    var prompts: [String] = []

    @Option(name: .long, help: "The column of the prompts in a table, or their key in a .jsonl file.")
    var promptsColumn: String?

    @Option(name: .long, parsing: .unconditional, help: "Only the first so many prompts of each file.", transform: Number.integer(from: 1))
    var promptsLimit: Int?

    @Option(name: .long, parsing: .unconditional, help: "How often each prompt is continued.", transform: Number.integer(in: 1...100))
    var seeds = 5

    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "Tokens a continuation.", transform: Number.integer(from: 1))
    var tokens = 32

    @OptionGroup var sampling: SamplingOptions

    @Flag(name: .long, help: "Wrap each prompt as a user's message in the model's chat layout.")
    var chat = false

    var inputs: [NamedFile?] { prompts.map { NamedFile("--prompts", $0) } }

    func measure(goal: ContinuationEvaluation.Goal, judges: [String]) throws -> ContinuationEvaluation {
        let set = try PromptSet(paths: prompts, column: promptsColumn, limit: promptsLimit)
        var generation = sampling.options(tokens: tokens, defaults: .toxicity)
        generation.chat = chat
        var measure = ContinuationEvaluation(set, goal: goal, judges: judges, generation: generation)
        measure.seeds = seeds
        return measure
    }
}
