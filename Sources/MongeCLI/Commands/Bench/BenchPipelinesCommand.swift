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
            Drivers count in measures of their own: compare those of one driver. --json has all that it tells. --code has the listings that the \
            driver has of each kernel, from its own intermediate language to the code of the machine.
            """)

    @OptionGroup var selection: BenchmarkSelection

    @Flag(name: .long, help: "Only kernels that keep registers in memory; exit code 1 where there are any.")
    var spills = false

    @Option(name: .long, help: ArgumentHelp("A folder for the driver's listings, a file a pipeline.", valueName: "folder"))
    var code: String?

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    @OptionGroup var device: DeviceOption
    @OptionGroup var products: ProductPrecisionOption

    mutating func run() throws {
        let benchmarks = try selection.benchmarks()
        if let code { try OutputFolder.make(code) }
        let opened = try device.open(products, unlessAsked: .fast) { options in
            options.describesPipelines = true
            options.keepsPipelineForms = code != nil
        }
        guard let backend = opened as? VulkanBackend else {
            throw MongeError.usage("a Vulkan driver compiles kernels; name a device with --device vulkan or vulkan:N")
        }
        var report = try ProgressBar.during { bar in
            try PipelineReport.run(benchmarks, on: backend, command: Shell.ownCommand, progress: bar.update)
        }
        let all = report.pipelines
        if spills { report.pipelines = all.filter { ($0.spills ?? 0) > 0 } }
        if let code {
            if report.pipelines.allSatisfy(\.description.forms.isEmpty) { Terminal.warning("this driver has no listings of its kernels") }
            for entry in report.pipelines where !entry.description.forms.isEmpty { try write(entry.description, to: code) }
        }
        if json { try Output.json(report) } else { try show(report, of: all) }
        if spills && !report.pipelines.isEmpty { throw ExitCode(1) }
    }

    /// As `linear.matvec-q4_0.64.256-1-1-0-8.txt`: the kernel, its subgroup size and its constants.
    private func write(_ pipeline: PipelineDescription, to folder: String) throws {
        let constants = pipeline.constants.map(String.init).joined(separator: "-")
        let kernel = pipeline.kernel.replacing("/", with: ".")
        let path = "\(folder)/\(kernel).\(pipeline.subgroupSize).\(constants).txt"
        let text = pipeline.forms.map { "######## \($0.name)\n\($0.text)\n" }.joined()
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw MongeError.failed("\(path) cannot be written: \(error.localizedDescription)")
        }
    }

    private func show(_ report: PipelineReport, of all: [PipelineReport.Entry]) throws {
        let driver = [report.device.driver, report.device.driverVersion].filter { !$0.isEmpty }.joined(separator: " ")
        try Output.line("\(report.device.name), \(driver), \(report.date)\n")
        func cell(_ value: Int?) -> String { value.map(String.init) ?? "–" }
        try Output.table(
            ["kernel", "constants", "subgroup", "registers", "spills", "shared memory", "instructions", "occupancy", "ms to compile"],
            report.pipelines.sorted { $0.description.kernel < $1.description.kernel }.map { entry in
                let pipeline = entry.description
                return [
                    pipeline.kernel, pipeline.constants.map(String.init).joined(separator: " "), "\(pipeline.subgroupSize)",
                    cell(entry.registers), cell(entry.spills), cell(entry.sharedMemory), cell(entry.instructions), cell(entry.occupancy),
                    Output.number(1000 * pipeline.compileSeconds, digits: 0),
                ]
            })
        let spilling = all.count { ($0.spills ?? 0) > 0 }
        try Output.line(
            "\n\(all.count) pipelines of \(Set(all.map(\.description.kernel)).count) kernels, \(spilling) with registers kept in memory")
        for omission in report.leftOut {
            Terminal.message("left out: \(omission.operation) \(omission.shapes): \(omission.reason)")
        }
    }
}
