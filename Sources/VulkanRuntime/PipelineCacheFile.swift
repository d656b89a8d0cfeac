import FileSystem
import Foundation
import Foundations

/// The file that a driver's compiled pipelines are kept in: a mark, a checksum, and the driver's data. Drivers check whether the data is
/// theirs and trust what follows, so the checksum keeps damaged data from them. A file that cannot be read or written costs time only.
package struct PipelineCacheFile: Sendable {
    package let url: URL

    private static let mark = Data("MongePC1".utf8)
    private static let headerBytes = 16
    private static let largest = 512 << 20

    package init(folder: URL, driverUUID: String) {
        url = folder.appendingPathComponent("pipelines-\(driverUUID).bin")
    }

    /// The driver's data, or nil when there is none or it is damaged.
    package func read() -> Data? {
        guard let size = try? url.resourceValues(forKeys: [.fileSizeKey]).fileSize, (Self.headerBytes...Self.largest).contains(size),
            let file = try? Data(contentsOf: url), file.count >= Self.headerBytes, file.prefix(8) == Self.mark
        else { return nil }
        let data = file.dropFirst(Self.headerBytes)
        guard file[8..<16].elementsEqual(Self.checksum(data)) else { return nil }
        return Data(data)
    }

    /// Replaces the file in one step, so that programs running at the same time never see half of it.
    package func write(_ data: Data) {
        try? FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try? OutputFile(url.path).write([Self.mark, Self.checksum(data), data])
    }

    /// 64-bit FNV-1a (Fowler, Noll, Vo), little-endian.
    private static func checksum(_ data: Data) -> Data {
        let hash = data.withUnsafeBytes { FNVHash($0).value }
        return withUnsafeBytes(of: hash.littleEndian) { Data($0) }
    }
}
