import ArgumentParser
import Monge

/// How tokens are drawn, on every command that draws. What is not given is the command's own default.
struct SamplingOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .unconditional, help: "0 takes the most likely token; logits are divided by it otherwise.",
        transform: Number.temperature)
    var temperature: Float?

    @Option(
        name: .long, parsing: .unconditional, help: "Draw from the k most likely tokens only; 0 for all.",
        transform: Number.integer(from: 0))
    var topK: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: "Draw from the smallest set of tokens that reaches this probability; 1 for all.", transform: Number.probability)
    var topP: Float?

    @Option(
        name: .long, parsing: .unconditional, help: "Above 1, tokens already in the text become less likely.",
        transform: Number.penalty)
    var repetitionPenalty: Float?

    @Option(
        name: .long, parsing: .unconditional, help: "The same seed gives the same text on one device.", transform: Number.seed)
    var seed: UInt64 = 0

    /// - Parameters:
    ///   - tokens: The most tokens to add.
    ///   - defaults: Where an option is not given.
    func options(tokens: Int, defaults: GenerationOptions = GenerationOptions()) -> GenerationOptions {
        var options = defaults
        options.tokens = tokens
        options.temperature = temperature ?? defaults.temperature
        options.topK = topK ?? defaults.topK
        options.topP = topP ?? defaults.topP
        options.repetitionPenalty = repetitionPenalty ?? defaults.repetitionPenalty
        options.seed = seed
        return options
    }
}
