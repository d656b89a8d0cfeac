import Foundation

/// A place that a result is written to.
///
/// - A regular file, or one that is not there yet, is replaced in one step: the bytes go to a temporary file in the same folder, are
///   brought to disk, and take the file's place. Another process, or this one after a crash, sees all of the old contents or all of
///   the new. The file keeps its mode and owner; a new one obeys the process's mask.
/// - A symbolic link stays, and what it leads to is written.
/// - Devices, pipes, `/dev/stdout`, `/dev/fd/N` and their like are written through: opened or duplicated, never replaced.
public struct OutputFile: Sendable {
    /// As the user named it.
    public let path: String

    public init(_ path: String) { self.path = path }

    /// Whether the path leads to a file that this process has open: standard output, or one that it was handed.
    public var isOpenFile: Bool {
        if case .descriptor? = try? destination() { true } else { false }
    }

    /// Refuses, before work begins, what ``write(_:)`` would refuse after it: a folder, a folder that is not there or may not be written,
    /// a file that may not be written or whose owner could not be kept.
    public func check() throws(FileError) {
        switch try destination() {
        case .descriptor(let descriptor):
            guard fcntl(descriptor, F_GETFL) & O_ACCMODE != O_RDONLY else { throw FileError(path, "is open for reading only") }
        case .special(let place):
            guard access(place, W_OK) == 0 else { throw .system(path, "cannot be written") }
        case .file(let place, let status):
            if status != nil, access(place, W_OK) != 0 { throw .system(path, "cannot be written") }
            let temporary = try TemporaryFile(replacing: place, status: status, named: path)
            temporary.discard()
        }
    }

    /// Writes bytes, one part after the other.
    /// - Throws: ``FileError``; a regular file then has its old contents, and nothing is left beside it.
    public func write(_ parts: [some ContiguousBytes]) throws(FileError) {
        switch try destination() {
        case .descriptor(let descriptor):
            try Descriptor.write(parts, to: descriptor, named: path)
        case .special(let place):
            let descriptor = open(place, O_WRONLY | O_CLOEXEC | O_NOCTTY)
            guard descriptor >= 0 else { throw .system(path, "cannot be opened") }
            defer { close(descriptor) }
            try Descriptor.write(parts, to: descriptor, named: path)
        case .file(let place, let status):
            let temporary = try TemporaryFile(replacing: place, status: status, named: path)
            do throws(FileError) {
                try Descriptor.write(parts, to: temporary.descriptor, named: path)
                try temporary.takePlace(of: place)
            } catch {
                temporary.discard()
                throw error
            }
        }
    }

    /// Writes bytes.
    public func write(_ bytes: some ContiguousBytes) throws(FileError) { try write([bytes]) }
}

/// Writing to open files.
public enum Descriptor {
    /// Writes all bytes, in as many calls as it takes.
    /// - Parameter name: What the error calls the file.
    public static func write(_ parts: [some ContiguousBytes], to descriptor: Int32, named name: String) throws(FileError) {
        for part in parts {
            guard part.withUnsafeBytes({ writeAll($0, to: descriptor) }) else { throw .system(name, "cannot be written") }
        }
    }
}

/// False when a call fails, with the reason in `errno`.
private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
        let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        if count > 0 {
            written += count
        } else if count < 0, errno == EAGAIN {
            // The other end of a descriptor that was handed over may have made it non-blocking.
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&ready, 1, -1)
        } else if count < 0, errno == EINTR {
            continue
        } else {
            return false
        }
    }
    return true
}
