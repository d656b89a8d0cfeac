import ArgumentParser
import CPUBackend
import CrossCheck
import Foundation
import Monge
import Tensors
import VulkanBackend
import VulkanRuntime

/// `monge check operations`: every operation of every device against the plain CPU reference.
struct CheckOperationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operations",
        abstract: "Checks every operation of every device against the plain CPU reference, with derived tolerances.",
        discussion: """
            Each operation meets random shapes, types and options, sizes that are no multiple of any tile, empty tensors and special values. \
            Outputs are poisoned beforehand and lie between sentinels; inputs lie between NaNs. An error counts over its tolerance, \
            which is derived for each element. With --precision fast, products with rounded activations are held against a reference that \
            rounds alike, and then against one that does not.

            Exit code 1 when any case fails; each failure prints the command that repeats it.
            """)

    @Option(name: .long, help: ArgumentHelp("An operation; all when left out.", valueName: "name"))
    var op: [String] = []

    @Option(name: .shortAndLong, help: "The device to check: cpu, vulkan or vulkan:N (default: the CPU and every Vulkan device).")
    var device: String?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "Cases an operation, or full: \(CheckEffort.fullCases) in all (default: enough to cover each type and option several times).",
            valueName: "number|full"))
    var cases: CheckEffort = .representative

    @Option(name: .long, parsing: .unconditional, help: "The first case, to repeat one.", transform: Number.integer(from: 0))
    var from = 0

    @Option(name: .long, parsing: .unconditional, help: "Seed of the cases.", transform: Number.seed)
    var seed: UInt64 = 1

    @Option(name: .long, help: "Kernels of Vulkan devices: lanes or tiles (default: what suits the device).")
    var family: KernelFamily?

    @OptionGroup var products: ProductPrecisionOption

    @Flag(name: .long, help: "Run shaders in their checked build, which tests every index.")
    var checked = false

    @Flag(name: .long, help: "Print JSON: an array of reports.")
    var json = false

    func validate() throws {
        let known = CrossCheck.operations.map(\.name)
        for name in op where !known.contains(name) {
            throw ValidationError("there is no operation '\(name)'; there are \(known.joined(separator: ", "))")
        }
    }

    private struct Report: Encodable {
        var device: String
        var operation: String
        var tolerance: String
        var report: CheckReport
    }

    mutating func run() throws {
        let operations = CrossCheck.operations.filter { op.isEmpty || op.contains($0.name) }
        var reports = [Report]()
        var messages = [String]()
        try ProgressBar.during { bar in
            for choice in try self.choices() {
                let candidate = try open(choice)
                for (index, operation) in operations.enumerated() {
                    let activity = "checking \(operation.name) on \(choice)"
                    bar.update(Progress(activity: activity, done: index, total: operations.count, unit: "operations"))
                    for precision in operation.referencePrecisions(for: candidate) {
                        let report = try CrossCheck.run(
                            operation: operation, cases: from..<from + cases.cases(of: operation), seed: seed, candidate: candidate,
                            reference: ReferenceBackend(precision: precision))
                        reports.append(
                            Report(device: choice.description, operation: operation.name, tolerance: operation.tolerance, report: report))
                    }
                }
                messages += (candidate as? VulkanBackend)?.device.validationMessages ?? []
            }
        }
        if json { try Output.json(reports) } else { try show(reports) }
        for message in Set(messages).sorted() { Terminal.warning("validation: \(message)") }
        if !messages.isEmpty || reports.contains(where: { !$0.report.passed }) { throw ExitCode(1) }
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
        return try choice.open(
            options: options, family: family, precision: products.precision(unlessAsked: .exact), isBatchInvariant: products.batchInvariant,
            warn: Terminal.warning)
    }

    private func show(_ reports: [Report]) throws {
        try Output.table(
            ["device", "operation", "against", "cases", "failed", "worst error / tolerance", "NMSE f32", "NMSE f16"],
            reports.map {
                [
                    $0.device, $0.operation, $0.report.reference, String($0.report.cases), String($0.report.failures.count),
                    ratio($0.report.worstRatio),
                    exponent($0.report.normalisedError), exponent($0.report.halfNormalisedError),
                ]
            })
        try showTolerances(reports)
        for report in reports {
            let repetition = CheckRepetition(
                device: report.device, family: family, precision: products.precision(unlessAsked: .exact),
                isBatchInvariant: products.batchInvariant,
                isChecked: checked, environment: ProcessInfo.processInfo.environment)
            for failure in report.report.failures.prefix(5) {
                try Output.line("\n\(failure)\n  \(repetition.command(repeating: failure))")
            }
        }
        let failed = reports.reduce(0) { $0 + $1.report.failures.count }
        try Output.line("\n\(reports.reduce(0) { $0 + $1.report.cases }) cases, \(failed) failed")
    }

    /// How far each operation may be off, and the case that came nearest to it.
    private func showTolerances(_ reports: [Report]) throws {
        for operation in CrossCheck.operations {
            let ofOperation = reports.filter { $0.operation == operation.name }
            if ofOperation.isEmpty { continue }
            try Output.line("\n\(operation.name): \(operation.summary)\n  tolerance  \(operation.tolerance)")
            for report in ofOperation where report.report.worstRatio > 0 {
                try Output.line("  worst      \(report.device): \(ratio(report.report.worstRatio)) of it, \(report.report.worstCase)")
            }
        }
    }

    /// The largest number stands for a difference where none is allowed.
    private func ratio(_ ratio: Double) -> String { ratio > 1e9 ? "∞" : Output.number(ratio, digits: 3) }

    private func exponent(_ error: Double) -> String { error == 0 ? "0" : String(format: "%.0e", error) }
}

extension CheckEffort: ExpressibleByArgument {
    public init?(argument: String) {
        if argument == "full" {
            self = .full
        } else if let count = try? Number.integer(from: 1)(argument) {
            self = .cases(count)
        } else {
            return nil
        }
    }

    public var defaultValueDescription: String { "representative" }
}

extension KernelFamily: ExpressibleByArgument {}
