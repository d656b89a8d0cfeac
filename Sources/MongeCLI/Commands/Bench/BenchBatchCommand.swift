import ArgumentParser
import Benchmarks
import Foundation
import Monge

/// `monge bench batch`: a full batch of texts with maps and strengths of their own.
struct BenchBatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Measures what it costs a full batch of texts that its requests have maps and strengths of their own, on all norms.")

    @OptionGroup var model: ModelOptions

    @Option(name: .long, parsing: .unconditional, help: "Texts that are continued together.", transform: Number.integer(in: 1...4096))
    var rows = 256

    @Option(
        name: .long, parsing: .upToNextOption, help: "How many different pairs of a map and a strength there are at once.",
        transform: Number.integer(in: 1...4096))
    var pairs = [1, 8, 64, 256]

    @Option(
        name: .long, parsing: .unconditional, help: "The most different maps among the pairs (default: one a pair).",
        transform: Number.integer(in: 1...4096))
    var differentMaps: Int?

    @Option(
        name: .long, parsing: .unconditional, help: "Steps of each batch, a token for each text.",
        transform: Number.integer(in: 1...100_000)
    )
    var decodeTokens = 32

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    mutating func run() throws {
        if let many = pairs.first(where: { $0 > rows }) {
            throw MongeError.usage("\(many) pairs are more than the \(rows) texts of a batch: give more --rows")
        }
        let url = try ModelCatalogue.locate(model.model)
        let backend = try model.device.open(model.precision.products, unlessAsked: .fast)
        let result = try ProgressBar.during { bar in
            try BatchBenchmark.run(
                url, on: backend, cache: model.precision.cacheType, activations: model.precision.activationType, rows: rows, pairs: pairs,
                maps: differentMaps,
                steps: decodeTokens, command: Shell.ownCommand, progress: bar.update)
        }
        if json { return try Output.json(result) }
        try Output.line("\(result.device), \(result.date), \(result.model), \(result.rows) texts, maps on \(result.sites) norms")
        try Output.table(
            ["pairs", "maps", "tokens/s", "ms a step", "toll"],
            result.entries.map {
                [
                    "\($0.pairs)", "\($0.maps)", Output.number($0.tokensPerSecond, digits: 1),
                    Output.number($0.millisecondsPerStep, digits: 3),
                    String(format: "%+.2f %%", 100 * $0.toll),
                ]
            })
    }
}
