import Foundation
import Monge
import Tensors
import VulkanBackend

/// Measures benchmarks of the registry on one device.
public struct KernelMeasurement {
    /// How long the runs of a benchmark take together, about. What takes longer for a single run is left out.
    public var secondsPerBenchmark = 0.5
    /// The most copies of a benchmark's inputs and outputs.
    private static let mostCopies = 256
    private static let mostRuns = 10_000
    private static let fewestRuns = 3

    private let backend: any Backend
    private let timer: RunTimer

    public init(_ backend: any Backend) {
        self.backend = backend
        timer = RunTimer(backend)
    }

    /// The bytes of copies that runs take in turn: twice the cache of the processor, or on a GPU 256 MiB, whose caches Vulkan does not
    /// tell (50 MB on an H100, 128 MB on the largest of RDNA 2).
    var rotatedBytes: Int {
        if let report = (backend as? VulkanBackend)?.device.report, !report.isSoftware { return 256 << 20 }
        return 2 * MachineFacts.largestCache
    }

    /// The bytes that a benchmark may take, with its copies and what is kept of its inputs on the host.
    private var memoryLimit: Int {
        let host = MachineFacts.availableMemory / 3
        guard let device = (backend as? VulkanBackend)?.device, !device.report.isSoftware else { return host }
        let budget = device.memory.budget - device.memory.inUse
        return min(host, budget / 10 * 8)
    }

    /// Measures the ceilings and then each of the benchmarks. What cannot be measured is left out with the reason; after a lost
    /// device, that is all the rest.
    /// - Parameter command: What was asked, for the report.
    public func run(_ benchmarks: [KernelBenchmark], command: String, progress: ProgressHandler? = nil) throws -> KernelReport {
        let date = ISO8601DateFormatter().string(from: Date())
        try progress?(Progress(activity: "measuring the ceilings", done: 0, total: benchmarks.count, unit: "kernels"))
        let ceilings = try DeviceCeilings.measured(on: backend, bytes: rotatedBytes, seconds: 0.2)
        var report = KernelReport(
            format: KernelReport.currentFormat, version: MongeVersion.current, device: KernelReport.DeviceIdentity(backend), date: date,
            command: command, secondsPerBenchmark: secondsPerBenchmark, rotatedBytes: rotatedBytes, ceilings: ceilings, kernels: [],
            leftOut: [])
        var loss: String?
        for (index, benchmark) in benchmarks.enumerated() {
            do {
                if let loss { throw LeftOut(reason: loss) }
                report.kernels.append(try measure(benchmark, ceilings))
            } catch {
                if case TensorError.deviceLost = error { loss = "\(error)" }
                report.leftOut.append(
                    KernelReport.Omission(
                        operation: benchmark.operation, model: benchmark.model.rawValue, shapes: benchmark.shapes, reason: "\(error)"))
            }
            try progress?(
                Progress(activity: "measuring \(benchmark.operation)", done: index + 1, total: benchmarks.count, unit: "kernels"))
        }
        return report
    }

    /// Why a benchmark is not measured.
    private struct LeftOut: Error, CustomStringConvertible {
        let reason: String
        var description: String { reason }
    }

    private func measure(_ benchmark: KernelBenchmark, _ ceilings: DeviceCeilings) throws -> KernelResult {
        let limit = memoryLimit
        guard benchmark.memory <= limit else {
            throw LeftOut(reason: "it needs \(benchmark.memory >> 20) MiB and \(limit >> 20) MiB may be used")
        }
        let floor = ceilings.floorSeconds(bytes: benchmark.bytes, operations: benchmark.operations)
        try requireTime(floor, "at the device's ceilings")

        // The first run compiles kernels and meets memory for the first time; the second says how many there will be.
        var runs = try benchmark.prepare(on: backend, copies: 1)
        try requireTime(try timer.measure(runs, count: 1, expected: floor).seconds[0], "the first time", allowance: 2)
        let once = try timer.measure(runs, count: 1, expected: floor).seconds[0]
        try requireTime(once, "here")

        let count = min(Self.mostRuns, max(Self.fewestRuns, Int(secondsPerBenchmark / max(once, 1e-6))))
        // What is read and written of the copies together is more than the cache holds, unless that takes too many or too much.
        let wanted = (rotatedBytes + benchmark.bytes - 1) / benchmark.bytes
        let affordable = max(1, min(limit, 2 * rotatedBytes) / benchmark.memory)
        let copies = min(wanted, affordable, Self.mostCopies)
        if copies > 1 {
            runs = []
            runs = try benchmark.prepare(on: backend, copies: copies)
        }
        let measurement = try timer.measure(runs, count: count, expected: once)
        return KernelResult(
            benchmark, measurement, copies: copies, isCold: copies * benchmark.bytes >= rotatedBytes, ceilings: ceilings)
    }

    private func requireTime(_ seconds: Double, _ condition: String, allowance: Double = 1) throws {
        guard seconds > allowance * secondsPerBenchmark else { return }
        let (time, budget) = (String(format: "%.2g", seconds), String(format: "%g", secondsPerBenchmark))
        throw LeftOut(reason: "a run takes \(time) s \(condition), longer than the \(budget) s of --seconds")
    }
}
