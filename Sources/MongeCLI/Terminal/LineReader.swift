import Foundation

/// Reads lines: on a terminal with editing and history by libedit, where it is installed, else as they come.
final class LineReader {
    private typealias ReadLine = @convention(c) (UnsafePointer<CChar>) -> UnsafeMutablePointer<CChar>?
    private typealias AddHistory = @convention(c) (UnsafePointer<CChar>) -> CInt

    /// Whether a person is at both ends.
    let isInteractive = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    private var readEditedLine: ReadLine?
    private var addHistory: AddHistory?
    /// What was read beyond the last line.
    private var unread: [UInt8] = []

    init() {
        let names: [String] = ["libedit.so.2", "libedit.so.0", "libedit.so"]
        guard isInteractive, let library = names.lazy.compactMap({ dlopen($0, RTLD_NOW) }).first else { return }
        // Characters outside of ASCII are several bytes, which libedit learns from the locale.
        setlocale(LC_CTYPE, "")
        readEditedLine = dlsym(library, "readline").map { unsafeBitCast($0, to: ReadLine.self) }
        addHistory = dlsym(library, "add_history").map { unsafeBitCast($0, to: AddHistory.self) }
    }

    /// What came of waiting for a line.
    enum Line: Equatable {
        case text(String)
        /// Ctrl-C came before the line's end.
        case interrupted
        case end
    }

    /// Ctrl-C that came before has ended what was going on; one that comes from here on either gives up the line, or, where the line is complete
    /// already, is left for whoever answers it.
    func next(prompt: String) -> Line {
        _ = Interruption.take()
        if let readEditedLine {
            guard let line = readEditedLine(prompt) else { return Interruption.take() ? .interrupted : .end }
            defer { free(line) }
            if line.pointee != 0 { _ = addHistory?(line) }
            return .text(String(cString: line))
        }
        if isInteractive { FileHandle.standardOutput.write(Data(prompt.utf8)) }
        return plainLine()
    }

    /// A line as it comes; the last need not end.
    private func plainLine() -> Line {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeFirst(end + 1) }
                return .text(String(decoding: unread[..<end], as: UTF8.self))
            }
            let count = read(STDIN_FILENO, &bytes, bytes.count)
            if count > 0 {
                unread += bytes[..<count]
            } else if count < 0, errno == EINTR {
                if Interruption.take() { return .interrupted }
            } else {
                defer { unread = [] }
                return unread.isEmpty ? .end : .text(String(decoding: unread, as: UTF8.self))
            }
        }
    }
}
