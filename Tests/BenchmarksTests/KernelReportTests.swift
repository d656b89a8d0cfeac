import Benchmarks
import CPUBackend
import Foundation
import ModelFiles
import Monge
import Testing

/// One measured report for all tests that need one: small sizes on the CPU.
enum MeasuredReport {
    static let benchmarks = KernelBenchmark.all.filter {
        $0.model == .language135M && $0.memory < 1 << 22 && ["add", "rmsNorm", "scatterRows"].contains($0.operation)
    }

    static let small: KernelReport = {
        var measurement = KernelMeasurement(try! CPUBackend(threads: 1))
        measurement.secondsPerBenchmark = 0.02
        return try! measurement.run(benchmarks, command: "monge bench kernels <&\"")
    }()
}

@Suite struct KernelReportTests {
    @Test func figuresFollowFromTimesAndCeilings() throws {
        let report = MeasuredReport.small
        #expect(report.kernels.count == MeasuredReport.benchmarks.count && report.leftOut.isEmpty)
        #expect(report.device.kind == "cpu" && !report.device.processor.isEmpty && !report.version.isEmpty)
        #expect(abs(try Date(report.date, strategy: .iso8601).timeIntervalSinceNow) < 3600)
        for (kernel, benchmark) in zip(report.kernels, MeasuredReport.benchmarks) {
            #expect(kernel.bytes == benchmark.bytes && kernel.operations == benchmark.operations)
            #expect(kernel.time.runs >= 3 && kernel.time.median > 0 && kernel.clock == "wall")
            func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-12 * abs(b) }
            #expect(isClose(kernel.gigabytesPerSecond, Double(kernel.bytes) / kernel.time.median / 1e9))
            #expect(isClose(kernel.gigaflopsPerSecond, Double(kernel.operations) / kernel.time.median / 1e9))
            let floor = report.ceilings.floorSeconds(bytes: kernel.bytes, operations: kernel.operations)
            #expect(isClose(kernel.shareOfCeiling, floor / kernel.time.median))
            #expect((kernel.copies * kernel.bytes >= report.rotatedBytes) == kernel.isCold)
        }
        #expect(report.ceilings.gigabytesPerSecond == report.ceilings.memory.map(\.rate).max())
        #expect(report.ceilings.gigaflopsPerSecond == report.ceilings.matrix.map(\.rate).max())
    }

    /// Of 10 GB/s and 100 GFLOP/s, 20 GB take 2 s and 50 GFLOP half a second.
    @Test func theFloorIsTheLongerOfTwoTimes() {
        var ceilings = MeasuredReport.small.ceilings
        (ceilings.gigabytesPerSecond, ceilings.gigaflopsPerSecond) = (10, 100)
        #expect(ceilings.floorSeconds(bytes: 20_000_000_000, operations: 50_000_000_000) == 2)
        #expect(ceilings.isBoundByMemory(bytes: 20_000_000_000, operations: 50_000_000_000))
        #expect(ceilings.floorSeconds(bytes: 1_000_000_000, operations: 50_000_000_000) == 0.5)
        #expect(!ceilings.isBoundByMemory(bytes: 1_000_000_000, operations: 50_000_000_000))
    }

    /// What takes longer than its time is named, with the time it would take.
    @Test func whatTakesTooLongIsLeftOutByName() throws {
        let benchmark = try #require(KernelBenchmark.all.first { $0.operation == "linear" && $0.operations > 1 << 28 })
        var measurement = KernelMeasurement(try CPUBackend(threads: 1))
        measurement.secondsPerBenchmark = 1e-6
        let report = try measurement.run([benchmark], command: "")
        #expect(report.kernels.isEmpty)
        let omission = try #require(report.leftOut.first)
        #expect(omission.operation == "linear" && omission.shapes == benchmark.shapes)
        #expect(omission.reason.contains("longer than the 1e-06 s"), "\(omission.reason)")
    }

    @Test func aFileIsReadAsItWasWritten() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        var report = MeasuredReport.small
        report.kernels[0].peers = [KernelResult.Peer(name: "another library", time: TimeStatistics([1, 2]), ratio: 1.5)]
        let written = try report.json()
        try written.write(to: file)
        #expect(try KernelReport(contentsOf: file).json() == written)

        report.format = 99
        try report.json().write(to: file)
        #expect(throws: MongeError.self) { try KernelReport(contentsOf: file) }
        try Data("{}".utf8).write(to: file)
        #expect(throws: ModelFileError.self) { try KernelReport(contentsOf: file) }
        #expect(throws: MongeError.self) { try KernelReport(contentsOf: file.appendingPathExtension("missing")) }
    }
}
