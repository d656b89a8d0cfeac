/// A value of a file's metadata, as one of a few plain types.
public protocol FileValue: Sendable {
    var string: String? { get }
    /// The value when it is an integer that fits `Int`.
    var integer: Int? { get }
    var float: Float? { get }
    var bool: Bool? { get }
    var strings: [String]? { get }
    var integers: [Int]? { get }
    var floats: [Float]? { get }
    /// What to call the type in a message, with its article.
    var typeDescription: String { get }
}

/// A file with values under keys: a GGUF file's metadata, or a JSON document.
///
/// Every accessor throws a ``ModelFileError`` that names the key and the expected type when the value is of another type; the plain
/// ones also when it is absent, while those with `ifPresent` return nil then.
public protocol KeyedValues: Sendable {
    associatedtype Value: FileValue
    /// The path, for messages.
    var name: String { get }
    /// The value of a key, nil when there is none.
    func value(_ key: String) -> Value?
}

extension KeyedValues {
    public func string(_ key: String) throws(ModelFileError) -> String { try required(key, "a string") { $0.string } }
    public func integer(_ key: String) throws(ModelFileError) -> Int { try required(key, "an integer") { $0.integer } }
    public func float(_ key: String) throws(ModelFileError) -> Float { try required(key, "a number") { $0.float } }
    public func bool(_ key: String) throws(ModelFileError) -> Bool { try required(key, "a truth value") { $0.bool } }
    public func strings(_ key: String) throws(ModelFileError) -> [String] { try required(key, "an array of strings") { $0.strings } }
    public func integers(_ key: String) throws(ModelFileError) -> [Int] { try required(key, "an array of integers") { $0.integers } }
    public func floats(_ key: String) throws(ModelFileError) -> [Float] { try required(key, "an array of numbers") { $0.floats } }

    public func string(ifPresent key: String) throws(ModelFileError) -> String? { try optional(key, "a string") { $0.string } }
    public func integer(ifPresent key: String) throws(ModelFileError) -> Int? { try optional(key, "an integer") { $0.integer } }
    public func float(ifPresent key: String) throws(ModelFileError) -> Float? { try optional(key, "a number") { $0.float } }
    public func bool(ifPresent key: String) throws(ModelFileError) -> Bool? { try optional(key, "a truth value") { $0.bool } }
    public func strings(ifPresent key: String) throws(ModelFileError) -> [String]? {
        try optional(key, "an array of strings") { $0.strings }
    }
    public func integers(ifPresent key: String) throws(ModelFileError) -> [Int]? {
        try optional(key, "an array of integers") { $0.integers }
    }
    public func floats(ifPresent key: String) throws(ModelFileError) -> [Float]? {
        try optional(key, "an array of numbers") { $0.floats }
    }

    private func required<T>(_ key: String, _ expected: String, _ convert: (Value) -> T?) throws(ModelFileError) -> T {
        guard let value = try optional(key, expected, convert) else { throw .missingKey(file: name, key: key, expected: expected) }
        return value
    }

    private func optional<T>(_ key: String, _ expected: String, _ convert: (Value) -> T?) throws(ModelFileError) -> T? {
        guard let value = value(key) else { return nil }
        guard let converted = convert(value) else {
            throw .wrongType(file: name, key: key, expected: expected, found: value.typeDescription)
        }
        return converted
    }
}
