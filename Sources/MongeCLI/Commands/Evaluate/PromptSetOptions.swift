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

    @Option(name: .long, parsing: .unconditional, help: "0 takes the likeliest token.", transform: Number.temperature)
    var temperature: Float = 1

    @Option(
        name: .long, parsing: .unconditional, help: "Draw from the k likeliest tokens only; 0 for all.", transform: Number.integer(from: 0))
    var topK = 0

    @Option(name: .long, parsing: .unconditional, help: "Top-p of the continuations.", transform: Number.probability)
    var topP: Float = 0.3

    @Option(name: .long, parsing: .unconditional, help: "Repetition penalty of the continuations.", transform: Number.penalty)
    var repetitionPenalty: Float = 1.2

    @Option(name: .long, parsing: .unconditional, help: "The first of the seeds.", transform: Number.seed)
    var seed: UInt64 = 0

    @Flag(name: .long, help: "Wrap each prompt as a user's message in the model's chat layout.")
    var chat = false

    var inputs: [NamedFile?] { prompts.map { NamedFile("--prompts", $0) } }

    func measure(goal: ContinuationEvaluation.Goal, judges: [String]) throws -> ContinuationEvaluation {
        let set = try PromptSet(paths: prompts, column: promptsColumn, limit: promptsLimit)
        var measure = ContinuationEvaluation(
            set, goal: goal, judges: judges,
            generation: GenerationOptions(
                tokens: tokens, temperature: temperature, topK: topK, topP: topP, repetitionPenalty: repetitionPenalty, seed: seed,
                chat: chat))
        measure.seeds = seeds
        return measure
    }
}
