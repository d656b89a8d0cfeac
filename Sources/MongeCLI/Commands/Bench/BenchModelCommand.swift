import ArgumentParser
import Benchmarks
import Foundation
import Monge

/// `monge bench model`: prefill and decode, with and without a map on all norms.
struct BenchModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Measures prefill and decode, with and without a map on all norms, against the device's ceilings.")

    @OptionGroup var model: ModelOptions

    @Option(name: .long, parsing: .unconditional, help: "Tokens of the prefill.", transform: Number.integer(in: 1...1_000_000))
    var promptTokens = 512

    @Option(
        name: .long, parsing: .unconditional, help: "Decode steps, each with and without the map.",
        transform: Number.integer(in: 1...1_000_000))
    var decodeTokens = 64

    @Option(
        name: .long, parsing: .unconditional, help: "Prefills, each with and without the map.", transform: Number.integer(in: 1...1_000_000)
    )
    var repetitions = 5

    @Flag(name: .long, help: "Measure what gates at the map's sites and a condition that is met add, too.")
    var conditional = false

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    mutating func run() throws {
        let url = try ModelCatalogue.locate(model.model)
        let backend = try model.device.open(model.precision.products, unlessAsked: .fast)
        let result = try ProgressBar.during { bar in
            try ModelBenchmark.run(
                url, on: backend, cache: model.precision.cacheType, activations: model.precision.activationType,
                promptTokens: promptTokens, decodeTokens: decodeTokens, repetitions: repetitions, isConditional: conditional,
                command: Shell.ownCommand, progress: bar.update)
        }
        if result.stepsWithoutFiniteLogits > 0 {
            Terminal.warning(
                "the logits of \(result.stepsWithoutFiniteLogits) of \((conditional ? 4 : 2) * decodeTokens) decode steps are not finite numbers; "
                    + "`monge check model` looks for the cause")
        }
        if json { return try Output.json(result) }
        try Output.line("\(result.device), \(result.date), \(result.model), activations \(result.activations)")
        try Output.line(
            "ceilings: \(Output.number(result.ceilings.gigabytesPerSecond, digits: 1)) GB/s (addition), "
                + "\(Output.number(result.ceilings.gigaflopsPerSecond, digits: 1)) GFLOP/s (f32 product \(result.ceilings.matrixProduct))")
        try Output.line(
            "a token reads \(Output.number(Double(result.weightBytes) / 1e6, digits: 1)) MB of weights and takes "
                + "\(Output.number(Double(result.operationsPerToken) / 1e9, digits: 3)) GFLOP\n")
        let rows = [
            ("prefill \(result.promptTokens)", result.prefill), ("prefill \(result.promptTokens), steered", result.prefillSteered),
            ("decode", result.decode), ("decode, steered", result.decodeSteered),
        ]
        try Output.table(
            ["", "tokens/s", "slowest", "fastest", "GB/s", "GFLOP/s", "of ceiling"],
            rows.map { name, rate in
                [
                    name, Output.number(rate.tokensPerSecond, digits: 1), Output.number(rate.slowest, digits: 1),
                    Output.number(rate.fastest, digits: 1), Output.number(rate.gigabytesPerSecond, digits: 1),
                    Output.number(rate.gigaflopsPerSecond, digits: 1), Output.number(100 * rate.shareOfCeiling, digits: 0) + " %",
                ]
            })
        try Output.line(
            "\nsteering costs \(String(format: "%+.1f %%", 100 * result.decodeToll)) of decode and "
                + "\(String(format: "%+.1f %%", 100 * result.prefillToll)) of prefill (medians of pairs); "
                + "open to first token \(Output.number(result.secondsToFirstToken)) s; "
                + "peak memory \(result.peakMemoryBytes / 1_048_576) MiB")
        if let gate = result.gateToll, let condition = result.conditionToll, let prefill = result.conditionPrefillToll {
            func percent(_ toll: Double) -> String { String(format: "%+.1f %%", 100 * toll) }
            try Output.line(
                "of a steered decode step, gates add \(percent(gate)) and a condition that is met \(percent(condition)); a condition in the middle of the "
                    + "model adds \(percent(prefill)) to a steered prefill (medians of pairs)")
        }
    }
}
