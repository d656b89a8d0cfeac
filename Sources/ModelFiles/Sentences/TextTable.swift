/// The rows of a table of commas, semicolons or tabs, whatever they mean (RFC 4180).
public struct TextTable: Sendable {
    public struct Row: Sendable, Equatable {
        /// Where the row begins, from 1.
        public let line: Int
        public let fields: [String]
    }

    /// With the first one, which may name columns.
    public let rows: [Row]
    private let file: String

    /// - Throws: ``ModelFileError`` with the line that cannot be read.
    public init(path: String) throws(ModelFileError) {
        let file = try SentenceFile.open(path)
        try SentenceFile.requireText(file)
        self.file = path
        rows = try withExtendedLifetime(file) { () throws(ModelFileError) in
            try CSVReader.records(SentenceFile.text(file), file: path).map { Row(line: $0.line, fields: $0.fields) }
        }
    }

    /// The rows below the first as values under the names in it.
    /// - Parameter columns: Those that must be there.
    public func records(with columns: [String]) throws(ModelFileError) -> [[String: String]] {
        let header = rows.first?.fields ?? []
        if let missing = columns.first(where: { !header.contains($0) }) {
            throw .unsupported(
                file: file, detail: "has no column '\(missing)'; its columns are \(header.map { "'\($0)'" }.joined(separator: ", "))")
        }
        var records: [[String: String]] = []
        for row in rows.dropFirst() {
            guard row.fields.count == header.count else {
                throw .invalidLine(
                    file: file, line: row.line, detail: "the row has \(row.fields.count) fields where the header has \(header.count)")
            }
            records.append(Dictionary(zip(header, row.fields), uniquingKeysWith: { first, _ in first }))
        }
        return records
    }
}
