/// A value of a JSON document. Objects keep the order of the text.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits `Int`.
    case integer(Int)
    /// Any other number.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The value under a key, nil when this is no object or has no such key.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// Whether this is null.
    public var isNull: Bool { self == .null }
    public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    public var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
}

/// An object of a JSON document; no key occurs twice.
public struct JSONObject: Sendable, Equatable {
    public struct Member: Sendable, Equatable {
        public let key: String
        public let value: JSONValue

        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// In the order of the text.
    public let members: [Member]

    /// No two members have the same key.
    package init(members: [Member]) { self.members = members }

    /// The value under a key, by looking through the members in turn.
    public subscript(key: String) -> JSONValue? { members.first { $0.key == key }?.value }
}

extension JSONValue: FileValue {
    public var string: String? { if case .string(let string) = self { string } else { nil } }
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    public var integer: Int? { if case .integer(let integer) = self { integer } else { nil } }
    /// The value when it is a number, with all its digits.
    package var double: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }
    public var float: Float? {
        switch self {
        case .integer(let integer): Float(integer)
        case .number(let number): Float(number)
        default: nil
        }
    }
    public var strings: [String]? { elements { $0.string } }
    public var integers: [Int]? { elements { $0.integer } }
    public var floats: [Float]? { elements { $0.float } }

    private func elements<T>(_ convert: (JSONValue) -> T?) -> [T]? {
        guard case .array(let array) = self else { return nil }
        var converted: [T] = []
        for element in array {
            guard let value = convert(element) else { return nil }
            converted.append(value)
        }
        return converted
    }

    public var typeDescription: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array(let array): "an array of \(array.count) values"
        case .object: "an object"
        }
    }
}
