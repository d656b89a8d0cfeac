import ArgumentParser
import Benchmarks
import Foundation
import Models
import Monge

/// `monge bench image`: a guided step of a text-to-image model, with and without a map on all norms.
struct BenchImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Measures a guided step of a text-to-image model, with and without a map on every norm, against the device's ceilings.")

    @OptionGroup var model: PictureModelOptions

    @OptionGroup var size: PictureSizeOptions

    @Option(name: .long, parsing: .unconditional, help: "Pictures drawn together.", transform: Number.integer(in: 1...1024))
    var count = 1

    @Option(
        name: .long, parsing: .unconditional, help: "Steps of each kind.", transform: Number.integer(in: 1...1_000_000))
    var repetitions = 20

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    mutating func run() throws {
        let model = try model.load()
        let result = try ProgressBar.during { bar in
            try PictureBenchmark.run(
                model, size: size.size, pictures: count, repetitions: repetitions, command: Shell.ownCommand, progress: bar.update)
        }
        if json { return try Output.json(result) }
        try Output.line("\(result.device), \(result.date), \(result.model), activations \(result.activations)")
        try Output.line(
            "ceiling: \(Output.number(result.ceilings.gigaflopsPerSecond, digits: 1)) GFLOP/s (f32 product \(result.ceilings.matrixProduct)); "
                + "a step of \(result.pictures) × \(result.size) with guidance takes \(Output.number(result.operationsPerStep / 1e9)) GFLOP\n"
        )
        func row(_ name: String, _ times: TimeStatistics) -> [String] {
            [name] + [times.median, times.fastest, times.slowest].map { Output.number(1000 * $0, digits: 2) }
        }
        try Output.table(
            ["", "ms", "fastest", "slowest"],
            [row("step", result.step), row("step, steered", result.stepSteered), row("decode a picture", result.decode)])
        try Output.line()
        try Output.table(
            ["operation", "of a step"], result.shares.map { [$0.operation, Output.number(100 * $0.share, digits: 1) + " %"] })
        try Output.line(
            "\na step reaches \(Output.number(100 * result.shareOfCeiling, digits: 0)) % of the ceiling; a map on every norm costs "
                + "\(String(format: "%+.1f %%", 100 * result.toll)) (median of pairs); tensors took at most "
                + "\(result.tensorBytes / 1_048_576) MiB, the process \(result.peakMemoryBytes / 1_048_576) MiB")
    }
}
