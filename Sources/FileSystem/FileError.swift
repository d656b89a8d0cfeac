import Foundation

/// Why a file cannot be written, as one sentence.
public struct FileError: Error, Equatable, CustomStringConvertible {
    /// What the user called the file.
    public let path: String
    public let detail: String
    /// The operating system's number for the reason (`errno`), 0 when it was not a system call that failed.
    public let code: Int32

    init(_ path: String, _ detail: String, code: Int32 = 0) {
        (self.path, self.detail, self.code) = (path, detail, code)
    }

    /// The reason that the last failed system call gave.
    static func system(_ path: String, _ what: String) -> FileError {
        let code = errno
        return FileError(path, "\(what): \(String(cString: strerror(code)))", code: code)
    }

    /// Whether the reader of a pipe or socket has gone.
    public var isClosedPipe: Bool { code == EPIPE }

    public var description: String { "\(path): \(detail)" }
}
