import Foundation

/// Folders that are there for a while.
public enum TemporaryFolder {
    /// Does `body` with the path of a new, empty folder, which is removed afterwards, also when a signal ends the process (``InterruptionWork``).
    public static func during<T>(_ body: (_ path: String) throws -> T) throws -> T {
        var path = Array("\(FileManager.default.temporaryDirectory.path)/monge-XXXXXX".utf8CString)
        guard mkdtemp(&path) != nil else {
            throw FileError.system(
                FileManager.default.temporaryDirectory.path, "a temporary folder cannot be made there; set TMPDIR to another")
        }
        let folder = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try InterruptionWork.during {
            try body(folder)
        } first: {
            try? FileManager.default.removeItem(atPath: folder)
        }
    }
}
