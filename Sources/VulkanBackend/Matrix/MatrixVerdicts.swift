import FileSystem
import Foundation
import VulkanRuntime

/// What the checks of a device's matrix kernels have found, kept in the folder of the pipeline cache. A file of another driver, or one
/// that cannot be read, counts as none: the checks are made again.
public struct MatrixVerdicts: Codable, Sendable, Equatable {
    public struct Verdict: Codable, Sendable, Equatable {
        /// The hash of the kernel's SPIR-V.
        public let code: String
        /// Why the kernel is not used; nil where it passed.
        public let failure: String?
    }

    let driver: String
    /// By kernel, tile and type of the activations.
    public private(set) var kernels: [String: Verdict] = [:]

    init(driver: String) { self.driver = driver }

    static func driver(_ report: DeviceReport) -> String { "\(report.driverUUID) \(report.driverVersion)" }

    static func file(_ report: DeviceReport, in folder: URL) -> URL { folder.appendingPathComponent("matrix-\(report.deviceUUID).json") }

    /// - Parameter folder: That of the pipeline cache; nil for none.
    public init(_ report: DeviceReport, in folder: URL?) {
        let driver = Self.driver(report)
        if let folder, let data = try? Data(contentsOf: Self.file(report, in: folder)),
            let kept = try? JSONDecoder().decode(MatrixVerdicts.self, from: data), kept.driver == driver
        {
            self = kept
        } else {
            self.init(driver: driver)
        }
    }

    /// Kernels that failed, with the reasons, in order of their names.
    public var failures: [(kernel: String, reason: String)] {
        kernels.compactMap { kernel, verdict in verdict.failure.map { (kernel, $0) } }.sorted { $0.0 < $1.0 }
    }

    func verdict(_ kernel: String, code: String) -> Verdict? {
        kernels[kernel].flatMap { $0.code == code ? $0 : nil }
    }

    mutating func note(_ kernel: String, _ verdict: Verdict) { kernels[kernel] = verdict }

    /// Losing the file costs a check and nothing else.
    func write(_ report: DeviceReport, in folder: URL?) {
        guard let folder else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        guard let data = try? encoder.encode(self) else { return }
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try? OutputFile(Self.file(report, in: folder).path).write(data)
    }
}
