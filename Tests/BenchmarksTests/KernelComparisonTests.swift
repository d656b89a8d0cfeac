import Benchmarks
import Monge
import Testing

@Suite struct KernelComparisonTests {
    /// A report whose first kernel has the given times.
    private func report(_ seconds: [Double]) -> KernelReport {
        var report = MeasuredReport.small
        report.kernels[0].time = TimeStatistics(seconds)
        return report
    }

    private func verdict(_ before: [Double], _ after: [Double]) throws -> KernelComparison.Verdict {
        try KernelComparison(report(before), report(after)).entries[0].verdict
    }

    @Test func changesBeyondTheSpreadAreNamed() throws {
        let steady = [1.0, 1.0, 1.0, 1.0]
        #expect(try verdict(steady, steady.map { $0 / 1.1 }) == .faster)
        #expect(try verdict(steady, steady.map { $0 * 1.1 }) == .slower)
        // Too little to matter, though the times spread by nothing.
        #expect(try verdict(steady, steady.map { $0 * 1.02 }) == .same)
    }

    /// Quartiles 40 % of the median apart explain a change of 20 %.
    @Test func changesWithinTheSpreadAreNone() throws {
        let noisy = [0.8, 0.8, 1.0, 1.2, 1.2]
        #expect(TimeStatistics(noisy).spread > 0.39)
        #expect(try verdict(noisy, noisy.map { $0 * 1.2 }) == .same)
        #expect(try verdict(noisy, noisy.map { $0 * 1.6 }) == .slower)
    }

    @Test func differentDevicesAreRefusedUnlessAskedFor() throws {
        var other = MeasuredReport.small
        other.device.name = "another device"
        #expect(throws: MongeError.self) { try KernelComparison(MeasuredReport.small, other) }
        let comparison = try KernelComparison(MeasuredReport.small, other, acrossDevices: true)
        #expect(comparison.remarks.contains { $0.contains("another device") })
        #expect(comparison.entries.allSatisfy { $0.verdict == .same && $0.speedup == 1 })
    }

    @Test func otherDifferencesAreRemarked() throws {
        var other = MeasuredReport.small
        other.device.driverVersion = "2"
        other.ceilings.gigabytesPerSecond *= 2
        let removed = other.kernels.removeFirst()
        let comparison = try KernelComparison(MeasuredReport.small, other)
        #expect(comparison.remarks.count == 2)
        #expect(comparison.remarks.contains { $0.contains("memory moved by +100 %") }, "\(comparison.remarks)")
        #expect(comparison.onlyBefore == [removed.key] && comparison.onlyAfter.isEmpty)
        other.kernels = []
        #expect(throws: MongeError.self) { try KernelComparison(MeasuredReport.small, other) }
    }
}
