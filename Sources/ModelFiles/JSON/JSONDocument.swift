/// A JSON file with an object at its top, such as a model's `config.json`.
///
/// A key may name a value inside an object by a path with dots: `rope_scaling.factor`. Null counts as absent.
public struct JSONDocument: KeyedValues {
    public let name: String
    public let root: JSONObject

    /// Larger than any tokenizer's file.
    private static let maximumSize = 1 << 28

    /// Reads a file.
    /// - Parameter acceptsInfinity: Whether `Infinity` and `-Infinity` are numbers, as in files that Python writes.
    public init(path: String, acceptsInfinity: Bool = false) throws(ModelFileError) {
        try self.init(MappedFile(path: path), acceptsInfinity: acceptsInfinity)
    }

    /// Reads a file that is already mapped, or bytes in memory.
    public init(_ file: MappedFile, acceptsInfinity: Bool = false) throws(ModelFileError) {
        guard file.count <= JSONDocument.maximumSize else {
            throw .unsupported(file: file.name, detail: "is larger than \(JSONDocument.maximumSize >> 20) MiB, which no JSON file here is")
        }
        defer { withExtendedLifetime(file) {} }
        // What is no text at all, or stands for a file that is elsewhere, is called by its name rather than taken for broken JSON.
        let kind = FileKind(beginningOf: file)
        if !kind.isText || kind == .pointer || kind == .webPage { throw .otherKind(file, expected: .json) }
        guard case .object(let root) = try JSONParser.parse(file.bytes, file: file.name, acceptsInfinity: acceptsInfinity) else {
            throw .malformed(file: file.name, detail: "the JSON is not an object")
        }
        self.root = root
        name = file.name
    }

    private init(name: String, root: JSONObject) {
        self.name = name
        self.root = root
    }

    /// A document that is no file: values under keys, in the order of the keys.
    package init(name: String, values: [String: JSONValue]) {
        self.init(
            name: name, root: JSONObject(members: values.sorted { $0.key < $1.key }.map { JSONObject.Member(key: $0.key, value: $0.value) })
        )
    }

    /// The same document with some of the values at its top replaced, or added.
    package func replacing(_ values: [String: JSONValue]) -> JSONDocument {
        let kept = root.members.filter { values[$0.key] == nil }
        let added = values.sorted { $0.key < $1.key }.map { JSONObject.Member(key: $0.key, value: $0.value) }
        return JSONDocument(name: name, root: JSONObject(members: kept + added))
    }

    public func value(_ key: String) -> JSONValue? {
        var found: JSONValue? = .object(root)
        for part in key.split(separator: ".", omittingEmptySubsequences: false) { found = found?[String(part)] }
        return found.flatMap { $0.isNull ? nil : $0 }
    }
}
