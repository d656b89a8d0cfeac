import ArgumentParser
import Benchmarks
import Foundation
import Monge

/// `monge bench compare`: what moved between two results.
struct BenchCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Says what moved between two results of `monge bench kernels`, beyond their spreads.",
        discussion: "Results of different devices are refused unless --across-devices is given.")

    @Argument(help: "The earlier result.")
    var before: String

    @Argument(help: "The later result.")
    var after: String

    @Option(name: .long, parsing: .unconditional, help: "The least change in percent that is one, whatever the spreads.")
    var threshold = 3.0

    @Flag(name: .long, help: "Compare results of different devices.")
    var acrossDevices = false

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func validate() throws {
        if !(threshold >= 0 && threshold.isFinite) { throw ValidationError("--threshold is \(threshold), expected 0 or more") }
    }

    mutating func run() throws {
        let comparison = try KernelComparison(
            KernelReport(contentsOf: URL(fileURLWithPath: before)), KernelReport(contentsOf: URL(fileURLWithPath: after)),
            threshold: threshold / 100, acrossDevices: acrossDevices)
        if json { return try Output.json(comparison) }
        for remark in comparison.remarks { try Output.line("note: \(remark)") }
        let moved = comparison.entries.filter { $0.verdict != .same }.sorted { $0.speedup < $1.speedup }
        if !moved.isEmpty {
            try Output.table(
                ["operation", "model", "shapes", "before", "after", "speedup", "noise", ""],
                moved.map {
                    [
                        $0.operation, $0.model, $0.shapes, KernelTable.time($0.before), KernelTable.time($0.after),
                        Output.number($0.speedup) + " ×", Output.number(100 * $0.noise, digits: 0) + " %", $0.verdict.rawValue,
                    ]
                })
            try Output.line()
        }
        let counts = [KernelComparison.Verdict.slower, .faster, .same].map { verdict in
            "\(comparison.entries.filter { $0.verdict == verdict }.count) \(verdict.rawValue)"
        }
        try Output.line("\(comparison.entries.count) benchmarks in both: \(counts.joined(separator: ", "))")
        for name in comparison.onlyBefore { try Output.line("only in \(before): \(name)") }
        for name in comparison.onlyAfter { try Output.line("only in \(after): \(name)") }
    }
}
