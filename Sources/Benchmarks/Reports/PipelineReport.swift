import Foundation
import Monge
import Tensors
import VulkanBackend
import VulkanRuntime

/// What a driver made of the kernels that benchmarks use: registers, spills, instructions, time to compile.
public struct PipelineReport: Codable, Sendable {
    /// A pipeline, and what it is for.
    public struct Entry: Codable, Sendable {
        public var description: PipelineDescription
        /// Those of the driver's counts that most drivers have (``PipelineDescription``), nil where this one has not.
        public var registers, spills, sharedMemory, occupancy, instructions: Int?
        /// Whether a language model runs it for each token that it writes.
        public var isDecode: Bool
        /// The first benchmark that ran it.
        public var benchmark: String

        init(_ description: PipelineDescription, isDecode: Bool, benchmark: String) {
            self.description = description
            (registers, spills, sharedMemory) = (description.registers, description.spills, description.sharedMemory)
            (occupancy, instructions) = (description.occupancy, description.instructions)
            self.isDecode = isDecode
            self.benchmark = benchmark
        }
    }

    public var device: KernelReport.DeviceIdentity
    public var date: String
    public var command: String
    /// In the order in which they were compiled, each once.
    public var pipelines: [Entry]
    /// Benchmarks whose kernels could not be compiled or run.
    public var leftOut: [KernelReport.Omission]

    /// Runs each benchmark once, so that its kernels are compiled: those of decoding first, so that a kernel that serves others, too, is theirs.
    ///
    /// - Parameter backend: On a device that was opened with ``DeviceOptions/describesPipelines``.
    public static func run(
        _ benchmarks: [KernelBenchmark], on backend: VulkanBackend, command: String, progress: ProgressHandler? = nil
    ) throws -> PipelineReport {
        var omissions: [KernelReport.Omission] = []
        var entries: [Entry] = []
        let ordered = benchmarks.filter(\.isDecode) + benchmarks.filter { !$0.isDecode }
        for (index, benchmark) in ordered.enumerated() {
            do {
                try benchmark.prepare(on: backend)()
                try backend.synchronize()
            } catch {
                omissions.append(
                    KernelReport.Omission(
                        operation: benchmark.operation, model: benchmark.model.rawValue, shapes: benchmark.shapes, reason: "\(error)"))
            }
            let name = "\(benchmark.operation), \(benchmark.model), \(benchmark.shapes)"
            entries += backend.device.pipelineDescriptions.dropFirst(entries.count).map {
                Entry($0, isDecode: benchmark.isDecode, benchmark: name)
            }
            try progress?(Progress(activity: "compiling \(benchmark.operation)", done: index + 1, total: ordered.count, unit: "benchmarks"))
        }
        return PipelineReport(
            device: KernelReport.DeviceIdentity(backend), date: ISO8601DateFormatter().string(from: Date()), command: command,
            pipelines: entries, leftOut: omissions)
    }
}
