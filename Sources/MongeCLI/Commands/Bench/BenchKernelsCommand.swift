import ArgumentParser
import Benchmarks
import Foundation
import Monge

/// `monge bench kernels`: every operation at the sizes of real models, against the device's ceilings.
struct BenchKernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels", abstract: "Measures operations at the sizes of real models, against the device's ceilings.",
        discussion: """
            Times are of the device's own clock where it has one. Each run meets data that is not in the cache, as far as that can be had.
            What would take too long, needs too much memory or is refused by the device is listed with the reason.
            """)

    @OptionGroup var selection: BenchmarkSelection

    @Option(
        name: .long, parsing: .unconditional,
        help: "Seconds for the runs of a benchmark. One that takes longer for a single run is left out.")
    var seconds = 0.5

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write the result to a file for `monge bench show` and `compare`.", valueName: "file"))
    var out: String?

    @Option(name: .long, help: ArgumentHelp("Write a page with a roofline plot and tables.", valueName: "file"))
    var html: String?

    @Flag(name: .long, help: "Print JSON: what --out writes.")
    var json = false

    @OptionGroup var device: DeviceOption
    @OptionGroup var products: ProductPrecisionOption

    func validate() throws {
        if !(seconds > 0 && seconds.isFinite) { throw ValidationError("--seconds is \(seconds), expected more than 0") }
    }

    mutating func run() throws {
        let benchmarks = try selection.benchmarks()
        try NamedFile.check(outputs: [NamedFile("--out", out), NamedFile("--html", html)], inputs: [])
        let backend = try device.open(products, unlessAsked: .fast)
        var measurement = KernelMeasurement(backend)
        measurement.secondsPerBenchmark = seconds
        let report = try ProgressBar.during { bar in try measurement.run(benchmarks, command: Shell.ownCommand, progress: bar.update) }
        if json { try Output.line(String(decoding: try report.json(), as: UTF8.self)) } else { try KernelTable.show(report) }
        try KernelTable.write(report, out: out, html: html)
    }
}
