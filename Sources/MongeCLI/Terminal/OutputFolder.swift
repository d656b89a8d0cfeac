import Foundation
import Monge

/// A folder that pictures are written to.
struct OutputFolder {
    let path: String

    /// Nil when a path is that of a file.
    init?(_ path: String) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard path.hasSuffix("/") || exists && isFolder.boolValue else { return nil }
        if exists && !isFolder.boolValue { throw MongeError.usage("--out \(path): this is a file, not a folder") }
        if exists, access(path, W_OK) != 0 { throw MongeError.usage("--out \(path): the folder may not be written") }
        self.path = path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// Makes a folder where there is none.
    static func make(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw MongeError.failed("the folder \(path) cannot be made: \(error.localizedDescription)")
        }
    }

    /// `0007.png`
    func file(_ index: Int, of count: Int) -> String {
        let digits = max(String(count).count, 4)
        return "\(path)/\(String(format: "%0\(digits)d", index + 1)).png"
    }
}
