import Foundation

/// Sentences, prompts or completions read from a file, one entry each.
///
/// | suffix | contents |
/// |---|---|
/// | `.txt` | one a line |
/// | `.jsonl` | an object a line, with the text under `text` or `prompt`, or an object with `text` under `prompt` (RealToxicityPrompts) |
/// | `.csv` | RFC 4180 with a header, the text in a named column |
/// | `.tsv` | lines split at tabs, without quoting, with a header, the text in a named column |
///
/// Text is UTF-8; a byte-order mark at the beginning is passed over. Lines end in LF or CRLF. Blank entries are skipped.
public struct SentenceFile: Sendable {
    /// The entries in the order of the file, none blank.
    public let sentences: [String]

    /// Reads a file.
    /// - Parameter column: the column of a table, or the key of a JSON object; when nil, `text` or `prompt`, or a table's only column.
    /// - Throws: ``ModelFileError`` with the number of the line that cannot be read; also when there are no sentences at all.
    public init(path: String, column: String? = nil) throws(ModelFileError) {
        try self.init(MappedFile(path: path), column: column)
    }

    /// Reads a file that is already mapped, or bytes in memory; the suffix of its name decides the format.
    public init(_ file: MappedFile, column: String? = nil) throws(ModelFileError) {
        defer { withExtendedLifetime(file) {} }
        var bytes = file.bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = UnsafeRawBufferPointer(rebasing: bytes[3...]) }
        let all: [String]
        switch (file.name as NSString).pathExtension.lowercased() {
        case "txt":
            guard column == nil else { throw .unsupported(file: file.name, detail: "is plain text and has no columns") }
            all = try SentenceFile.lines(bytes, file.name) { $0.text }
        case "jsonl":
            let keys = column.map { [$0] } ?? ["text", "prompt"]
            all = try SentenceFile.lines(bytes, file.name) { (line) throws(ModelFileError) in
                try SentenceFile.text(ofJSON: line, keys: keys, file.name)
            }
        case "csv":
            all = try SentenceTable(CSVReader.records(bytes, file: file.name), file: file.name).column(column)
        case "tsv":
            let rows = try SentenceFile.lines(bytes, file.name) { line in
                SentenceTable.Record(
                    line: line.number, fields: line.text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
            }
            all = try SentenceTable(rows, file: file.name).column(column)
        case let suffix:
            throw .unsupported(file: file.name, detail: "has the unknown suffix '\(suffix)' (known: txt, jsonl, csv, tsv)")
        }
        sentences = all.filter { !SentenceFile.isBlank($0) }
        guard !sentences.isEmpty else { throw .malformed(file: file.name, detail: "has no sentences in it") }
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
        while start < bytes.count {
            number += 1
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let hasReturn = end > start && bytes[end - 1] == UInt8(ascii: "\r")
            let content = UnsafeRawBufferPointer(rebasing: bytes[start..<(hasReturn ? end - 1 : end)])
            guard let text = String(validating: content, as: UTF8.self) else {
                throw .invalidLine(file: file, line: number, detail: "the text is not UTF-8")
            }
            if !isBlank(text) { results.append(try body(Line(number: number, text: text, bytes: content))) }
            start = end + 1
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
