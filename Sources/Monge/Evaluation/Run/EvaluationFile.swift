import FileSystem
import Foundation
import ModelFiles

/// A file of results that a later run goes on with: settings, what was measured so far, and the rows that follow from it.
public struct EvaluationFile: Sendable, Codable {
    /// A setting that results depend on. Files with other values are refused by its name.
    public struct Setting: Sendable, Codable, Equatable {
        /// An option as it is given: `--tokens`.
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Says that a JSON file is one of these.
    public static let format = "monge evaluation 1"

    public var format = EvaluationFile.format
    /// The command's name: `toxicity`.
    public var task: String
    public var settings: [Setting]
    /// What the scores under a judge's name depend on.
    public var judges: [String: String] = [:]
    public var rows: [EvaluationRow] = []
    public var equalCost: [EqualCostTable] = []
    public var records: [EvaluationRecord] = []

    public init(task: String, settings: [Setting]) {
        self.task = task
        self.settings = settings
    }

    /// Larger than any file of results.
    private static let maximumSize = 1 << 30

    /// Goes on with a file where there is one.
    /// - Throws: ``MongeError/usage(_:)`` for a file that is none of these, of another task, or of other settings.
    public init(continuing path: String, task: String, settings: [Setting]) throws {
        self.init(task: task, settings: settings)
        let exists = FileManager.default.fileExists(atPath: path)
        guard exists, !OutputFile(path).isOpenFile else { return }
        let file = try MappedFile(path: path)
        guard file.count > 0 else { return }
        let refusal = "\(path) is no file of results of `monge evaluate`; name another, or remove it"
        guard file.count <= Self.maximumSize,
            let known = try? Self.decoder.decode(EvaluationFile.self, from: withExtendedLifetime(file) { Data(file.bytes) }),
            known.format == Self.format
        else { throw MongeError.usage(refusal) }
        guard known.task == task else {
            throw MongeError.usage("\(path) has results of `monge evaluate \(known.task)`, not of `\(task)`; name another file")
        }
        for setting in settings {
            let found = known.settings.first { $0.name == setting.name }?.value
            guard found == setting.value else {
                throw MongeError.usage(
                    "\(path) has results of other settings: \(setting.name) was \(found ?? "not set") there and is \(setting.value) now; "
                        + "name another file, or set it as it was")
            }
        }
        if let other = known.settings.first(where: { known in !settings.contains { $0.name == known.name } }) {
            throw MongeError.usage(
                "\(path) has results of other settings: \(other.name) was \(other.value) there and is not set now; name another file, or set it "
                    + "as it was")
        }
        records = known.records
        judges = known.judges
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }

    /// The file's bytes.
    public func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(self) + Data("\n".utf8)
    }

    public subscript(key: EvaluationRecord.Key) -> EvaluationRecord? { records.first { $0.key == key } }

    /// Puts a record in the place of the one with its key, or after all.
    public mutating func put(_ record: EvaluationRecord) {
        if let index = records.firstIndex(where: { $0.key == record.key }) { records[index] = record } else { records.append(record) }
    }
}
