import ArgumentParser
import Monge

/// How tokens are drawn, on every command that shows continuations.
struct SamplingOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .unconditional, help: "0 takes the most likely token; logits are divided by it otherwise.",
        transform: Number.temperature)
    var temperature: Float = 1

    @Option(
        name: .long, parsing: .unconditional, help: "Draw from the k most likely tokens only; 0 for all.",
        transform: Number.integer(from: 0))
    var topK = 0

    @Option(
        name: .long, parsing: .unconditional,
        help: "Draw from the smallest set of tokens that reaches this probability; 1 for all.", transform: Number.probability)
    var topP: Float = 1

    @Option(
        name: .long, parsing: .unconditional, help: "Above 1, tokens already in the text become less likely.",
        transform: Number.penalty)
    var repetitionPenalty: Float = 1

    @Option(
        name: .long, parsing: .unconditional, help: "The same seed gives the same text on one device.", transform: Number.seed)
    var seed: UInt64 = 0

    /// - Parameter tokens: The most tokens to add.
    func options(tokens: Int, special: Bool? = nil) -> GenerationOptions {
        GenerationOptions(
            tokens: tokens, temperature: temperature, topK: topK, topP: topP, repetitionPenalty: repetitionPenalty, seed: seed,
            special: special)
    }
}
