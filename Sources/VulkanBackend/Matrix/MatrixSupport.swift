import Foundation
import Foundations
import VulkanRuntime

/// How a device multiplies matrices when it is not told how, and what is known of its kernels.
public struct MatrixSupport: Codable, Sendable {
    public let kind: MatrixKind
    /// The product that is built on, or why it is plain arithmetic.
    public let detail: String
    /// Kernels that failed their check on this device and driver, with the reasons.
    public let failures: [String]
    /// When the device was tuned; nil when it was not.
    public let tuned: String?

    public init(_ report: DeviceReport, cacheFolder: URL? = CacheFolder.url) {
        let engine = try? MatrixEngine.all(.automatic, on: report).first
        kind = engine?.kind ?? .scalar
        detail = engine.map { "f16 products of \($0.fragment) with f32 sums" } ?? MatrixEngine.refusal(unasked: .khr, on: report) ?? ""
        failures = MatrixVerdicts(report, in: cacheFolder).failures.map { "\($0.kernel): \($0.reason)" }
        tuned = TuningTable.load(report, in: cacheFolder) { _ in }?.date
    }
}
