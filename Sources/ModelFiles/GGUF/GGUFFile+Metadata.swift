extension GGUFFile {
    /// The string under a key.
    /// - Throws: ``ModelFileError`` naming the key when it is absent or of another type; likewise for the other types.
    public func string(_ key: String) throws(ModelFileError) -> String { try required(key, "a string", string(ifPresent: key)) }

    /// The integer under a key, of whatever width.
    public func integer(_ key: String) throws(ModelFileError) -> Int { try required(key, "an integer", integer(ifPresent: key)) }

    /// The floating-point number under a key, of whatever width.
    public func float(_ key: String) throws(ModelFileError) -> Float { try required(key, "a number", float(ifPresent: key)) }

    /// The truth value under a key.
    public func bool(_ key: String) throws(ModelFileError) -> Bool { try required(key, "a truth value", bool(ifPresent: key)) }

    /// The array of strings under a key.
    public func strings(_ key: String) throws(ModelFileError) -> [String] {
        try required(key, "an array of strings", strings(ifPresent: key))
    }

    /// The array of integers under a key, of whatever width.
    public func integers(_ key: String) throws(ModelFileError) -> [Int] {
        try required(key, "an array of integers", integers(ifPresent: key))
    }

    /// The array of floating-point numbers under a key, of whatever width.
    public func floats(_ key: String) throws(ModelFileError) -> [Float] {
        try required(key, "an array of numbers", floats(ifPresent: key))
    }

    /// As ``string(_:)``, but nil when the key is absent; likewise for the other types.
    public func string(ifPresent key: String) throws(ModelFileError) -> String? {
        try optional(key, "a string") { if case .string(let string) = $0 { string } else { nil } }
    }

    public func integer(ifPresent key: String) throws(ModelFileError) -> Int? { try optional(key, "an integer") { $0.integer } }

    public func float(ifPresent key: String) throws(ModelFileError) -> Float? { try optional(key, "a number") { $0.float } }

    public func bool(ifPresent key: String) throws(ModelFileError) -> Bool? {
        try optional(key, "a truth value") { if case .bool(let bool) = $0 { bool } else { nil } }
    }

    public func strings(ifPresent key: String) throws(ModelFileError) -> [String]? {
        try optional(key, "an array of strings") { if case .array(let array) = $0 { array.strings } else { nil } }
    }

    public func integers(ifPresent key: String) throws(ModelFileError) -> [Int]? {
        try optional(key, "an array of integers") { if case .array(let array) = $0 { array.integers } else { nil } }
    }

    public func floats(ifPresent key: String) throws(ModelFileError) -> [Float]? {
        try optional(key, "an array of numbers") { if case .array(let array) = $0 { array.floats } else { nil } }
    }

    private func required<T>(_ key: String, _ expected: String, _ value: T?) throws(ModelFileError) -> T {
        guard let value else { throw .missingKey(file: name, key: key, expected: expected) }
        return value
    }

    private func optional<T>(_ key: String, _ expected: String, _ convert: (GGUFValue) -> T?) throws(ModelFileError) -> T? {
        guard let value = value(key) else { return nil }
        guard let converted = convert(value) else {
            throw .wrongType(file: name, key: key, expected: expected, found: value.typeDescription)
        }
        return converted
    }
}
