/// Reads comma-separated values: fields may be quoted, and then hold separators, line breaks and doubled quotes. Blank lines are skipped.
///
/// Source: RFC 4180, and semicolons and tabs as separators, which spreadsheets write where a comma is the decimal sign.
struct CSVReader {
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private let separator: UInt8
    private var position = 0
    private var line = 1

    private init(bytes: UnsafeRawBufferPointer, file: String, separator: UInt8) {
        (self.bytes, self.file, self.separator) = (bytes, file, separator)
    }

    /// The separators that are tried, the usual one first.
    private static let separators = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]

    /// All records, the header first.
    ///
    /// The separator is the one that the header has. Where it has several, that one with which all records have as many fields as the header
    /// and, of those, which gives the most.
    /// - Throws: ``ModelFileError/invalidLine(file:line:detail:)`` for quotes in the wrong place, or text that is not UTF-8.
    static func records(_ bytes: UnsafeRawBufferPointer, file: String) throws(ModelFileError) -> [SentenceTable.Record] {
        var candidates: [UInt8] = []
        for separator in separators {
            var reader = CSVReader(bytes: bytes, file: file, separator: separator)
            while reader.position < bytes.count {
                // A quote in the wrong place may only be one with a separator that is none: the reading below decides.
                guard let header = try? reader.record() else { break }
                if header.fields.count == 1, SentenceFile.isBlank(header.fields[0]) { continue }
                if header.fields.count > 1 { candidates.append(separator) }
                break
            }
        }
        guard candidates.count > 1 else { return try records(bytes, file: file, separator: candidates.first ?? separators[0]) }
        let fitting = candidates.compactMap { separator in (try? records(bytes, file: file, separator: separator)) }
            .filter { records in records.allSatisfy { $0.fields.count == records[0].fields.count } }
        // The first of those with the most fields.
        if let best = fitting.max(by: { $0[0].fields.count < $1[0].fields.count }) { return best }
        return try records(bytes, file: file, separator: candidates[0])
    }

    private static func records(
        _ bytes: UnsafeRawBufferPointer, file: String, separator: UInt8
    ) throws(ModelFileError) -> [SentenceTable.Record] {
        var reader = CSVReader(bytes: bytes, file: file, separator: separator)
        var records: [SentenceTable.Record] = []
        while reader.position < bytes.count {
            let record = try reader.record()
            if record.fields.count > 1 || !SentenceFile.isBlank(record.fields[0]) { records.append(record) }
        }
        return records
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func error(_ detail: String) -> ModelFileError { .invalidLine(file: file, line: line, detail: detail) }

    private mutating func record() throws(ModelFileError) -> SentenceTable.Record {
        let start = line
        var fields: [String] = []
        while true {
            fields.append(try field())
            guard next == separator else { break }
            position += 1
        }
        if next == UInt8(ascii: "\r") { position += 1 }
        if next == UInt8(ascii: "\n") { position += 1 }
        line += 1
        return SentenceTable.Record(line: start, fields: fields)
    }

    private mutating func field() throws(ModelFileError) -> String {
        guard next == UInt8(ascii: "\"") else {
            let start = position
            while let byte = next, byte != separator, byte != UInt8(ascii: "\n"), !isLineEnd {
                guard byte != UInt8(ascii: "\"") else { throw error("there is a quote inside a field that does not begin with one") }
                position += 1
            }
            return try text(Array(bytes[start..<position]))
        }
        position += 1
        let first = line
        var content: [UInt8] = []
        while true {
            guard let byte = next else {
                throw .invalidLine(file: file, line: first, detail: "the quoted field that begins here does not end")
            }
            position += 1
            if byte == UInt8(ascii: "\n") { line += 1 }
            guard byte == UInt8(ascii: "\"") else {
                content.append(byte)
                continue
            }
            guard next == UInt8(ascii: "\"") else { break }
            content.append(byte)
            position += 1
        }
        guard next == nil || next == separator || next == UInt8(ascii: "\n") || isLineEnd else {
            throw error("there is something between a closing quote and the next field")
        }
        return try text(content)
    }

    /// Whether a carriage return ends the line or the file here.
    private var isLineEnd: Bool {
        next == UInt8(ascii: "\r") && (position + 1 == bytes.count || bytes[position + 1] == UInt8(ascii: "\n"))
    }

    private func text(_ bytes: [UInt8]) throws(ModelFileError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw error("the text is not UTF-8") }
        return text
    }
}
