import Foundation
import Monge
import Tensors
import VulkanBackend
import VulkanRuntime

/// What a driver made of the kernels that benchmarks use: registers, spills, instructions, time to compile.
public struct PipelineReport: Codable, Sendable {
    public var device: KernelReport.DeviceIdentity
    public var date: String
    public var command: String
    /// In the order in which they were compiled, each once.
    public var pipelines: [PipelineDescription]
    /// Benchmarks whose kernels could not be compiled or run.
    public var leftOut: [KernelReport.Omission]

    /// Runs each benchmark once, so that its kernels are compiled.
    ///
    /// - Parameter backend: On a device that was opened with ``DeviceOptions/describesPipelines``.
    public static func run(
        _ benchmarks: [KernelBenchmark], on backend: VulkanBackend, command: String, progress: ProgressHandler? = nil
    ) throws -> PipelineReport {
        var omissions: [KernelReport.Omission] = []
        for (index, benchmark) in benchmarks.enumerated() {
            do {
                try benchmark.prepare(on: backend)()
                try backend.synchronize()
            } catch {
                omissions.append(
                    KernelReport.Omission(
                        operation: benchmark.operation, model: benchmark.model.rawValue, shapes: benchmark.shapes, reason: "\(error)"))
            }
            progress?(Progress(activity: "compiling \(benchmark.operation)", done: index + 1, total: benchmarks.count, unit: "benchmarks"))
        }
        return PipelineReport(
            device: KernelReport.DeviceIdentity(backend), date: ISO8601DateFormatter().string(from: Date()), command: command,
            pipelines: backend.device.pipelineDescriptions, leftOut: omissions)
    }
}
