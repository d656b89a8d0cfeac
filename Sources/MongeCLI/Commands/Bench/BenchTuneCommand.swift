import ArgumentParser
import Foundation
import Foundations
import Monge
import VulkanBackend
import VulkanRuntime

/// `monge bench tune`: the fastest division of a kernel's work on this device, for the runs that follow.
struct BenchTuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Measures how kernels best divide their work on a Vulkan device, and keeps the result in the cache.",
        discussion: "The table is read by every later run on that device. Delete the file to go back to what is built in.")

    @OptionGroup var device: DeviceOption

    @Option(
        name: .long, parsing: .unconditional, help: "How often each kernel is timed; the shortest counts.",
        transform: Number.integer(in: 1...1_000_000))
    var repetitions = 10

    @Flag(name: .long, help: "Measure, and leave the table as it is.")
    var dryRun = false

    @Flag(name: .long, help: "Print JSON: the table and every measurement.")
    var json = false

    private struct Result: Encodable {
        var file: String?
        var table: TuningTable
        var measurements: [Tuner.Measurement]
    }

    mutating func run() throws {
        guard let backend = try device.open() as? VulkanBackend else {
            throw MongeError.usage("kernels are tuned on a Vulkan device; name one with --device vulkan or vulkan:N")
        }
        let folder = backend.device.cacheFolder ?? CacheFolder.url
        var measurements: [Tuner.Measurement] = []
        let table = try ProgressBar.during { bar in
            var tuner = Tuner(backend, repetitions: repetitions) { measurement in
                measurements.append(measurement)
                bar.update(
                    Progress(activity: measurement.problem, done: measurements.count, total: measurements.count, unit: "measurements"))
            }
            return try tuner.run(date: ISO8601DateFormatter().string(from: Date()))
        }
        let file = dryRun ? nil : try table.write(backend.device.report, in: folder).path
        if json { return try Output.json(Result(file: file, table: table, measurements: measurements)) }
        try Output.line("\(table.device), \(table.driver), \(table.date)")
        try Output.table(
            ["problem", "choice", "ms", "rate", ""],
            measurements.map {
                [$0.problem, $0.choice, Output.number($0.milliseconds, digits: 4), Output.number($0.rate, digits: 1), $0.unit]
            })
        try Output.line("\nfew rows: \(table.matvec)\nplain arithmetic: \(table.scalarTile)")
        if let best = table.matrixTiles.first { try Output.line("tensor cores: \(best.tile)") }
        if let file { try Output.line("kept in \(file)") }
    }
}
