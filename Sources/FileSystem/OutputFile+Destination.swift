import Foundation

extension OutputFile {
    /// What a path leads to.
    enum Destination {
        /// An open file of this process.
        case descriptor(Int32)
        /// A device or a pipe.
        case special(String)
        /// A regular file with its status, or a file that is not there yet.
        case file(String, status: stat?)
    }

    /// Linux's own limit of links that lead to links.
    private static let maximumLinks = 40

    /// Follows links by hand, since the last of them may lead to a file that is not there yet, or to an open file of this process.
    func destination() throws(FileError) -> Destination {
        guard !path.isEmpty else { throw FileError("''", "is no name of a file") }
        guard !path.hasSuffix("/") else { throw FileError(path, "is the name of a folder; name a file") }
        var place = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        for _ in 0...Self.maximumLinks {
            if let descriptor = Self.descriptor(named: place) {
                guard fcntl(descriptor, F_GETFD) >= 0 else { throw .system(path, "file descriptor \(descriptor) cannot be used") }
                return .descriptor(descriptor)
            }
            var status = stat()
            guard lstat(place, &status) == 0 else {
                guard errno == ENOENT || errno == ENOTDIR else { throw .system(path, "cannot be examined") }
                try requireFolder(of: place)
                return .file(place, status: nil)
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG: return .file(place, status: status)
            case S_IFDIR: throw FileError(path, "is a folder; name a file")
            case S_IFSOCK: throw FileError(path, "is a socket, which cannot be opened as a file")
            case S_IFLNK:
                let target = try linkTarget(place)
                place = target.hasPrefix("/") ? target : folder(of: place) + "/" + target
            default: return .special(place)
            }
        }
        throw FileError(path, "leads through more than \(Self.maximumLinks) links")
    }

    /// The number in `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3` and their like: opening these anew would lose the position that the
    /// caller's file has, and fails for sockets.
    private static func descriptor(named place: String) -> Int32? {
        switch place {
        case "/dev/stdin": return STDIN_FILENO
        case "/dev/stdout": return STDOUT_FILENO
        case "/dev/stderr": return STDERR_FILENO
        default:
            for folder in ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", "/proc/\(getpid())/fd/"] where place.hasPrefix(folder) {
                if let number = Int32(place.dropFirst(folder.count)), number >= 0 { return number }
            }
            return nil
        }
    }

    private func folder(of place: String) -> String { (place as NSString).deletingLastPathComponent }

    private func requireFolder(of place: String) throws(FileError) {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: folder(of: place), isDirectory: &isFolder)
        guard exists, isFolder.boolValue else {
            throw FileError(
                path, "cannot be written: \(exists ? "\(folder(of: place)) is no folder" : "there is no folder \(folder(of: place))")")
        }
    }

    private func linkTarget(_ place: String) throws(FileError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(place, &buffer, buffer.count)
        guard count >= 0 else { throw .system(path, "cannot be followed as a link") }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
