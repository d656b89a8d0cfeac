import Foundation

/// The rows of a table whose first row names the columns.
struct SentenceTable {
    struct Record {
        /// Where the row begins, from 1.
        let line: Int
        let fields: [String]
    }

    private let header: [String]
    private let rows: ArraySlice<Record>
    private let file: String

    init(_ records: [Record], file: String) throws(ModelFileError) {
        guard let first = records.first else { throw .malformed(file: file, detail: "has no sentences in it") }
        header = first.fields.map { $0.trimmingCharacters(in: .whitespaces) }
        rows = records.dropFirst()
        self.file = file
    }

    /// The fields of a column.
    /// - Parameter name: nil for `text`, `prompt`, or the only column.
    func column(_ name: String?) throws(ModelFileError) -> [String] {
        let names = name.map { [$0] } ?? ["text", "prompt"]
        guard let index = names.lazy.compactMap({ header.firstIndex(of: $0) }).first ?? (name == nil && header.count == 1 ? 0 : nil) else {
            let columns = header.map { "'\($0)'" }.joined(separator: ", ")
            let wanted = names.map { "'\($0)'" }.joined(separator: " or ")
            throw .unsupported(
                file: file, detail: "has no column \(wanted); its columns are \(columns)\(name == nil ? ": name one with --column" : "")")
        }
        guard header.firstIndex(of: header[index]) == header.lastIndex(of: header[index]) else {
            throw .unsupported(file: file, detail: "has more than one column '\(header[index])'")
        }
        var fields: [String] = []
        fields.reserveCapacity(rows.count)
        for row in rows {
            guard row.fields.count == header.count else {
                throw .invalidLine(
                    file: file, line: row.line, detail: "the row has \(row.fields.count) fields where the header has \(header.count)")
            }
            fields.append(row.fields[index])
        }
        return fields
    }
}
