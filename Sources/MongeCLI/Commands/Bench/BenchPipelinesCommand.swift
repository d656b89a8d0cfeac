import ArgumentParser
import Benchmarks
import Foundation
import Monge
import VulkanBackend
import VulkanRuntime

/// `monge bench pipelines`: what a driver made of each kernel.
struct BenchPipelinesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipelines",
        abstract: "Lists what a driver made of the kernels at the sizes of real models: registers, spills, instructions.",
        discussion: """
            Each benchmark is run once, so that its kernels are compiled; the driver tells the rest (VK_KHR_pipeline_executable_properties).
            Drivers count in measures of their own: compare those of one driver. --json has all that it tells.
            """)

    @OptionGroup var selection: BenchmarkSelection

    @Flag(name: .long, help: "Only kernels that keep registers in memory; exit code 1 where there are any.")
    var spills = false

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    @OptionGroup var device: DeviceOption

    mutating func run() throws {
        let benchmarks = try selection.benchmarks()
        guard let backend = try device.open({ $0.describesPipelines = true }) as? VulkanBackend else {
            throw MongeError.usage("a Vulkan driver compiles kernels; name a device with --device vulkan or vulkan:N")
        }
        var report = try ProgressBar.during { bar in
            try PipelineReport.run(benchmarks, on: backend, command: Shell.ownCommand, progress: bar.update)
        }
        let all = report.pipelines
        if spills { report.pipelines = all.filter { ($0.spills ?? 0) > 0 } }
        if json { try Output.json(report) } else { try show(report, of: all) }
        if spills && !report.pipelines.isEmpty { throw ExitCode(1) }
    }

    private func show(_ report: PipelineReport, of all: [PipelineDescription]) throws {
        let driver = [report.device.driver, report.device.driverVersion].filter { !$0.isEmpty }.joined(separator: " ")
        try Output.line("\(report.device.name), \(driver), \(report.date)\n")
        func cell(_ value: Int?) -> String { value.map(String.init) ?? "–" }
        try Output.table(
            ["kernel", "constants", "subgroup", "registers", "spills", "shared memory", "instructions", "occupancy", "ms to compile"],
            report.pipelines.sorted { $0.kernel < $1.kernel }.map {
                [
                    $0.kernel, $0.constants.map(String.init).joined(separator: " "), "\($0.subgroupSize)", cell($0.registers),
                    cell($0.spills),
                    cell($0.sharedMemory), cell($0.instructions), cell($0.occupancy), Output.number(1000 * $0.compileSeconds, digits: 0),
                ]
            })
        let spilling = all.count { ($0.spills ?? 0) > 0 }
        try Output.line("\n\(all.count) pipelines of \(Set(all.map(\.kernel)).count) kernels, \(spilling) with registers kept in memory")
        for omission in report.leftOut {
            Terminal.message("left out: \(omission.operation) \(omission.shapes): \(omission.reason)")
        }
    }
}
