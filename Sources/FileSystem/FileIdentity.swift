import Foundation

/// Which file a path leads to, whatever it is called: links and other spellings of one file are equal.
public enum FileIdentity: Hashable, Sendable {
    /// A file that is there.
    case existing(device: UInt64, inode: UInt64)
    /// A device, which several can read and write at once.
    case device(device: UInt64, inode: UInt64)
    /// A file that is not there yet, by its folder and its name.
    case new(device: UInt64, inode: UInt64, name: String)

    /// The file or folder that a path leads to; nil when there is none.
    public init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        let (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
        let isDevice = [S_IFCHR, S_IFBLK].contains(status.st_mode & S_IFMT)
        self = isDevice ? .device(device: device, inode: inode) : .existing(device: device, inode: inode)
    }

    /// Whether several can read and write it at once.
    public var isShared: Bool { if case .device = self { true } else { false } }

    /// The file that would be written.
    public init?(_ output: OutputFile) {
        var status = stat()
        switch try? output.destination() {
        case .descriptor(let descriptor):
            guard fstat(descriptor, &status) == 0 else { return nil }
            self.init(status)
        case .special(let place): self.init(place)
        case .file(_, let found?): self.init(found)
        case .file(let place, nil):
            guard stat((place as NSString).deletingLastPathComponent, &status) == 0 else { return nil }
            self = .new(device: UInt64(status.st_dev), inode: UInt64(status.st_ino), name: (place as NSString).lastPathComponent)
        case nil: return nil
        }
    }

    /// The file at a path, or all files in the folder there and in its folders.
    public static func files(at path: String) -> [FileIdentity] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return [] }
        guard isFolder.boolValue else { return [FileIdentity(path)].compactMap { $0 } }
        // An enumeration does not enter a folder through a link.
        let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.compactMap { FileIdentity("\(folder)/\($0)") }
    }
}
