import ArgumentParser
import CPUBackend
import CrossCheck
import Foundation
import Monge
import Tensors
import VulkanRuntime

/// `monge check`: every operation of every device against the plain CPU reference.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks every operation of every device against the plain CPU reference, with derived tolerances.",
        discussion: "Exit code 1 when any case fails; each failure prints the command that repeats it.")

    @Option(name: .long, help: ArgumentHelp("An operation; all when left out.", valueName: "name"))
    var op: [String] = []

    @Option(name: .long, help: "The device to check: cpu, vulkan or vulkan:N (default: the CPU and every Vulkan device).")
    var device: String?

    @Option(name: .long, help: "Cases an operation (default: enough to cover each type and option several times).")
    var cases: Int?

    @Option(name: .long, help: "The first case, to repeat one.")
    var from = 0

    @Option(name: .long, help: "Seed of the cases.")
    var seed: UInt64 = 1

    @Flag(name: .long, help: "Run shaders in their checked build, which tests every index.")
    var checked = false

    @Flag(name: .long, help: "Print JSON: an array of reports.")
    var json = false

    func validate() throws {
        let known = CrossCheck.operations.map(\.name)
        for name in op where !known.contains(name) {
            throw ValidationError("there is no operation '\(name)'; there are \(known.joined(separator: ", "))")
        }
        if let cases, cases < 1 { throw ValidationError("--cases is \(cases), expected 1 or more") }
        if from < 0 { throw ValidationError("--from is \(from), expected 0 or more") }
    }

    private struct Report: Encodable {
        var device: String
        var operation: String
        var tolerance: String
        var report: CheckReport
    }

    mutating func run() throws {
        let operations = CrossCheck.operations.filter { op.isEmpty || op.contains($0.name) }
        let reference = ReferenceBackend()
        var reports = [Report]()
        try ProgressBar.during { bar in
            let choices = try self.choices()
            for choice in choices {
                let candidate = try open(choice)
                for (index, operation) in operations.enumerated() {
                    let report = try CrossCheck.run(
                        operation: operation, cases: from..<from + (cases ?? operation.defaultCases), seed: seed, candidate: candidate,
                        reference: reference)
                    reports.append(
                        Report(device: choice.description, operation: operation.name, tolerance: operation.tolerance, report: report))
                    bar.update(Progress(activity: "checking \(choice)", done: index + 1, total: operations.count, unit: "operations"))
                }
            }
        }
        if json { try Output.json(reports) } else { show(reports) }
        if reports.contains(where: { !$0.report.passed }) { throw ExitCode(1) }
    }

    private func choices() throws -> [DeviceChoice] {
        if let device { return [try DeviceChoice(device)] }
        let usable = ((try? VulkanSystem.reports()) ?? []).filter { $0.refusals.isEmpty }
        return [.cpu] + usable.map { .vulkanIndex($0.index) }
    }

    private func open(_ choice: DeviceChoice) throws -> any Backend {
        var options = DeviceOptions()
        options.checked = checked
        options.validation = DeviceOption.validates
        return try choice.open(options: options)
    }

    private func show(_ reports: [Report]) {
        Output.table(
            ["device", "operation", "cases", "failed", "worst error / tolerance", "in"],
            reports.map {
                [
                    $0.device, $0.operation, String($0.report.cases), String($0.report.failures.count),
                    // The largest number stands for a difference where none is allowed.
                    $0.report.worstRatio > 1e9 ? "∞" : Output.number($0.report.worstRatio, digits: 3),
                    String($0.report.worstCase.prefix(60)),
                ]
            })
        for report in reports {
            for failure in report.report.failures.prefix(5) {
                print("\n\(failure)")
                print(
                    "  monge check --op \(failure.operation) --device \(report.device) --from \(failure.caseIndex) --cases 1 --seed \(failure.seed)"
                        + (checked ? " --checked" : ""))
            }
        }
        let failed = reports.reduce(0) { $0 + $1.report.failures.count }
        print("\n\(reports.reduce(0) { $0 + $1.report.cases }) cases, \(failed) failed")
    }
}
