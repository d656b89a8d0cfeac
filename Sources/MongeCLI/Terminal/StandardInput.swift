import ArgumentParser
import Foundation
import ModelFiles
import Monge

/// Standard input, as prompts and sentences come through it.
enum StandardInput {
    /// What stands for it where a file or a text is wanted.
    static let name = SentenceFile.standardInput

    /// Whether something other than a person at a keyboard is there to be read.
    static var isPiped: Bool {
        guard isatty(STDIN_FILENO) == 0 else { return false }
        var status = stat()
        guard fstat(STDIN_FILENO, &status) == 0 else { return false }
        return [S_IFIFO, S_IFREG, S_IFSOCK].contains(status.st_mode & S_IFMT)
    }

    /// All of it as one text, without the line's end that `echo` adds.
    /// - Throws: ``MongeError/usage(_:)`` when it is empty or not UTF-8.
    static func text() throws -> String {
        let bytes = try MappedFile(readingAll: STDIN_FILENO, name: "standard input")
        guard var text = withExtendedLifetime(bytes, { String(validating: bytes.bytes, as: UTF8.self) }) else {
            throw MongeError.usage("standard input is not UTF-8 text")
        }
        if text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { throw MongeError.usage("standard input is empty; give a prompt") }
        return text
    }

    /// Refuses to read it twice.
    static func checkOnce(_ values: [String]) throws {
        guard values.count(where: { $0 == name }) <= 1 else {
            throw ValidationError("- (standard input) is named more than once, and can be read once")
        }
    }
}
