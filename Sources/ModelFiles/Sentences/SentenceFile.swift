import Foundation

/// Sentences, prompts or completions read from a file, one entry each.
///
/// | suffix | contents |
/// |---|---|
/// | `.txt` | one a line |
/// | `.jsonl` | an object a line, with the text under `text` or `prompt`, or an object with `text` under `prompt` (RealToxicityPrompts) |
/// | `.csv` | RFC 4180 with a header, the text in a named column; also with semicolons or tabs for commas |
/// | `.tsv` | lines split at tabs, without quoting, with a header, the text in a named column |
///
/// Standard input, pipes and devices have no suffix: they are read as `.jsonl` when they begin with a brace, as `.csv` when a column is named, and
/// as `.txt` otherwise.
///
/// Text is UTF-8; a byte-order mark at the beginning is passed over. Lines end in LF or CRLF (or CR, where no LF is). Blank entries are skipped.
public struct SentenceFile: Sendable {
    /// What stands for standard input in the place of a path.
    public static let standardInput = "-"

    /// The entries in the order of the file, none blank.
    public let sentences: [String]

    private enum Format: String {
        case txt, jsonl, csv, tsv
    }

    /// Reads a file.
    /// - Parameters:
    ///   - path: Of a file, a pipe or a device; ``standardInput`` for that.
    ///   - column: The column of a table, or the key of a JSON object; when nil, `text` or `prompt`, or a table's only column.
    /// - Throws: ``ModelFileError`` with the number of the line that cannot be read; also when there are no sentences at all.
    public init(path: String, column: String? = nil) throws(ModelFileError) {
        let file = try SentenceFile.open(path)
        if path == SentenceFile.standardInput || SentenceFile.isStream(path) {
            try self.init(stream: file, column: column)
        } else {
            try self.init(file, column: column)
        }
    }

    /// Reads a file that is already mapped, or bytes in memory; the suffix of its name decides the format.
    public init(_ file: MappedFile, column: String? = nil) throws(ModelFileError) {
        try SentenceFile.requireText(file)
        let suffix = (file.name as NSString).pathExtension.lowercased()
        guard let format = Format(rawValue: suffix) else {
            let kind = FileKind(file)
            guard kind == .text || kind == .empty else { throw .otherKind(file: file.name, found: kind, expected: .sentences) }
            throw .unsupported(file: file.name, detail: "has the unknown suffix '\(suffix)' (known: txt, jsonl, csv, tsv)")
        }
        try self.init(file, format, column)
    }

    private init(stream: MappedFile, column: String?) throws(ModelFileError) {
        try SentenceFile.requireText(stream)
        let isJSON =
            FileKind(beginningOf: stream) == .json
            && SentenceFile.text(stream).first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
        try self.init(stream, isJSON ? .jsonl : column == nil ? .txt : .csv, column)
    }

    private init(_ file: MappedFile, _ format: Format, _ column: String?) throws(ModelFileError) {
        defer { withExtendedLifetime(file) {} }
        let bytes = SentenceFile.text(file)
        let all: [String]
        switch format {
        case .txt:
            guard column == nil else { throw .unsupported(file: file.name, detail: "is plain text and has no columns") }
            all = try SentenceFile.lines(bytes, file.name) { $0.text }
        case .jsonl:
            let keys = column.map { [$0] } ?? ["text", "prompt"]
            all = try SentenceFile.lines(bytes, file.name) { (line) throws(ModelFileError) in
                try SentenceFile.text(ofJSON: line, keys: keys, file.name)
            }
        case .csv:
            all = try SentenceTable(CSVReader.records(bytes, file: file.name), file: file.name).column(column)
        case .tsv:
            let rows = try SentenceFile.lines(bytes, file.name) { line in
                SentenceTable.Record(
                    line: line.number, fields: line.text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
            }
            if let header = rows.first, header.fields.count == 1, let separator = header.fields[0].first(where: { ",;".contains($0) }) {
                throw .unsupported(
                    file: file.name, detail: "has no tabs; its fields seem to have '\(separator)' between them: give it the suffix .csv")
            }
            all = try SentenceTable(rows, file: file.name).column(column)
        }
        sentences = all.filter { !SentenceFile.isBlank($0) }
        guard !sentences.isEmpty else { throw .malformed(file: file.name, detail: "has no sentences in it") }
    }

    /// The lines of a text file, whatever its suffix, without blank ones.
    public static func lines(ofTextAt path: String) throws(ModelFileError) -> [String] {
        let file = try open(path)
        try requireText(file)
        return try withExtendedLifetime(file) { () throws(ModelFileError) in try lines(text(file), path) { $0.text } }
    }

    /// Maps a file, or reads a stream.
    static func open(_ path: String) throws(ModelFileError) -> MappedFile {
        if path == standardInput { return try MappedFile(readingAll: STDIN_FILENO, name: "standard input") }
        guard isStream(path) else { return try MappedFile(path: path) }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw .inaccessible(file: path, detail: "cannot be opened: \(systemErrorMessage())")
        }
        defer { try? handle.close() }
        return try MappedFile(readingAll: handle.fileDescriptor, name: path)
    }

    /// Whether a path leads to something that is read from its beginning to its end: a pipe, a device, or an open file of this process.
    private static func isStream(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        let isOpenFile = path == "/dev/stdin" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
        return [S_IFIFO, S_IFCHR, S_IFSOCK].contains(status.st_mode & S_IFMT) || isOpenFile && status.st_mode & S_IFMT == S_IFREG
    }

    static func requireText(_ file: MappedFile) throws(ModelFileError) {
        let kind = FileKind(beginningOf: file)
        // Bytes of no known kind may be text in another encoding; reading them names the line.
        guard kind.isText && kind != .pointer && kind != .webPage || kind == .unknown || kind == .empty else {
            throw .otherKind(file: file.name, found: FileKind(file), expected: .sentences)
        }
    }

    /// The bytes without a byte-order mark.
    static func text(_ file: MappedFile) -> UnsafeRawBufferPointer {
        file.bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? UnsafeRawBufferPointer(rebasing: file.bytes[3...]) : file.bytes
    }

    static func isBlank(_ text: String) -> Bool { text.unicodeScalars.allSatisfy(\.properties.isWhitespace) }

    private struct Line {
        /// From 1.
        let number: Int
        /// Without the line's end.
        let text: String
        let bytes: UnsafeRawBufferPointer
    }

    /// What `body` makes of every line that is not blank.
    private static func lines<T>(
        _ bytes: UnsafeRawBufferPointer, _ file: String, _ body: (Line) throws(ModelFileError) -> T
    ) throws(ModelFileError) -> [T] {
        var results: [T] = []
        var number = 0
        var start = 0
        let end = bytes.contains(UInt8(ascii: "\n")) ? UInt8(ascii: "\n") : UInt8(ascii: "\r")
        while start < bytes.count {
            number += 1
            let stop = bytes[start...].firstIndex(of: end) ?? bytes.count
            let hasReturn = stop > start && bytes[stop - 1] == UInt8(ascii: "\r")
            let content = UnsafeRawBufferPointer(rebasing: bytes[start..<(hasReturn ? stop - 1 : stop)])
            guard let text = String(validating: content, as: UTF8.self) else {
                throw .invalidLine(file: file, line: number, detail: "the text is not UTF-8")
            }
            if !isBlank(text) { results.append(try body(Line(number: number, text: text, bytes: content))) }
            start = stop + 1
        }
        return results
    }

    private static func text(ofJSON line: Line, keys: [String], _ file: String) throws(ModelFileError) -> String {
        let value: JSONValue
        do {
            value = try JSONParser.parse(line.bytes, file: file)
        } catch .malformed(_, let detail) {
            throw .invalidLine(file: file, line: line.number, detail: "\(detail) of the line")
        }
        for key in keys {
            guard let found = value[key] else { continue }
            guard let text = found.string ?? found["text"]?.string else {
                throw .invalidLine(
                    file: file, line: line.number, detail: "the value under '\(key)' is neither a string nor an object with 'text'")
            }
            return text
        }
        let wanted = keys.map { "'\($0)'" }.joined(separator: " or ")
        throw .invalidLine(file: file, line: line.number, detail: "there is no \(wanted)")
    }
}
