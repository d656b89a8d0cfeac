import Foundation
import Monge

/// Standard output: results, as text or as JSON.
enum Output {
    /// Refuses a file that could not be written, before the work whose result it would hold.
    static func requireWritable(_ path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw MongeError.usage("\(path) cannot be written: there is no folder \(folder)")
        }
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw MongeError.usage("\(path) cannot be written: the folder \(folder) is not writable")
        }
    }

    /// Prints a value as one JSON document with sorted keys.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Prints rows in aligned columns; numbers to the right.
    static func table(_ header: [String], _ rows: [[String]]) {
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
        print(line(header))
        print(widths.map { String(repeating: "─", count: $0) }.joined(separator: "  "))
        for row in rows { print(line(row)) }
    }

    static func number(_ value: Double, digits: Int = 2) -> String { String(format: "%.\(digits)f", value) }
}
