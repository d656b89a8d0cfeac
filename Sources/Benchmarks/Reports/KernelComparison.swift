import Foundation
import Monge

/// What moved between two reports of the same benchmarks.
public struct KernelComparison: Codable, Sendable {
    public enum Verdict: String, Codable, Sendable {
        case faster
        case slower
        /// The times differ by no more than their spreads, or by too little to matter.
        case same
    }

    public struct Entry: Codable, Sendable {
        public var operation: String
        public var model: String
        public var shapes: String
        /// Median times in seconds.
        public var before: Double
        public var after: Double
        /// `before / after`: above 1 the second is faster.
        public var speedup: Double
        /// The change that the spreads of both explain: half of each one's distance of quartiles over its median, added.
        public var noise: Double
        public var verdict: Verdict
    }

    public var before: KernelReport.DeviceIdentity
    public var after: KernelReport.DeviceIdentity
    /// What the reports differ in besides the kernels: devices, drivers, ceilings. A sentence each.
    public var remarks: [String]
    /// By how much a time must change at least, as a share.
    public var threshold: Double
    public var entries: [Entry]
    /// Benchmarks that only one of the reports has.
    public var onlyBefore: [String]
    public var onlyAfter: [String]

    /// - Parameters:
    ///   - threshold: Smaller changes are none, whatever the spreads.
    ///   - acrossDevices: Whether the reports may be of different devices.
    /// - Throws: ``MongeError/usage(_:)`` when the devices differ and may not, and when no benchmark is in both.
    public init(_ before: KernelReport, _ after: KernelReport, threshold: Double = 0.03, acrossDevices: Bool = false) throws {
        if !acrossDevices, before.device.name != after.device.name || before.device.processor != after.device.processor {
            throw MongeError.usage(
                "the first result is of \(Self.describe(before.device)) and the second of \(Self.describe(after.device)); "
                    + "--across-devices compares them all the same")
        }
        self.before = before.device
        self.after = after.device
        self.threshold = threshold
        remarks = Self.remarks(before, after)
        let earlier = Dictionary(before.kernels.map { ($0.key, $0) }) { first, _ in first }
        let later = Set(after.kernels.map(\.key))
        entries = after.kernels.compactMap { result in earlier[result.key].map { Entry($0, result, threshold: threshold) } }
        onlyBefore = before.kernels.map(\.key).filter { !later.contains($0) }
        onlyAfter = after.kernels.map(\.key).filter { earlier[$0] == nil }
        guard !entries.isEmpty else { throw MongeError.usage("the two results have no benchmark in common") }
    }

    private static func describe(_ device: KernelReport.DeviceIdentity) -> String { "\(device.name) on \(device.processor)" }

    private static func remarks(_ before: KernelReport, _ after: KernelReport) -> [String] {
        var remarks: [String] = []
        if before.device.name != after.device.name || before.device.processor != after.device.processor {
            remarks.append("the devices differ: \(describe(before.device)), then \(describe(after.device))")
        } else if before.device != after.device {
            remarks.append(
                "the drivers differ: \(before.device.driver) \(before.device.driverVersion), then "
                    + "\(after.device.driver) \(after.device.driverVersion)")
        }
        for (name, earlier, later) in [
            ("memory", before.ceilings.gigabytesPerSecond, after.ceilings.gigabytesPerSecond),
            ("matrix products", before.ceilings.gigaflopsPerSecond, after.ceilings.gigaflopsPerSecond),
        ] where abs(log(later / earlier)) > log(1.1) {
            remarks.append(String(format: "the ceiling of \(name) moved by %+.0f %%", 100 * (later / earlier - 1)))
        }
        return remarks
    }
}

extension KernelComparison.Entry {
    init(_ before: KernelResult, _ after: KernelResult, threshold: Double) {
        operation = after.operation
        model = after.model
        shapes = after.shapes
        self.before = before.time.median
        self.after = after.time.median
        speedup = before.time.median / max(after.time.median, 1e-12)
        noise = (before.time.spread + after.time.spread) / 2
        let change = abs(log(speedup))
        verdict = change <= max(log(1 + noise), log(1 + threshold)) ? .same : speedup > 1 ? .faster : .slower
    }
}
