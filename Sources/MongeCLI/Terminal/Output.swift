import FileSystem
import Foundation
import Monge

/// Standard output: results, as text or as JSON. Each call writes at once, so that a full disk or a closed pipe ends the work.
enum Output {
    /// - Throws: `FileError` when standard output cannot be written.
    static func text(_ text: String) throws {
        try Descriptor.write([Data(text.utf8)], to: STDOUT_FILENO, named: "standard output")
    }

    /// Prints a line.
    static func line(_ text: String = "") throws { try self.text(text + "\n") }

    /// Prints a value as one JSON document with sorted keys.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        try line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Prints rows in aligned columns; numbers to the right.
    static func table(_ header: [String], _ rows: [[String]]) throws {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max()! }
        let isNumeric = header.indices.map { column in rows.allSatisfy { Double($0[column].prefix { !"% x".contains($0) }) != nil } }
        func line(_ cells: [String]) -> String {
            let padded = cells.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return isNumeric[column] ? space + cell : cell + space
            }
            return padded.joined(separator: "  ").replacing(/\ +$/, with: "")
        }
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        try self.line(([line(header), rule] + rows.map(line)).joined(separator: "\n"))
    }

    static func number(_ value: Double, digits: Int = 2) -> String { String(format: "%.\(digits)f", value) }
}
