/// The type of a metadata value, with the number that stands for it in the file.
///
/// Source: the GGUF specification, `gguf_metadata_value_type`.
public enum GGUFValueType: UInt32, Sendable, CaseIterable {
    case uint8 = 0
    case int8 = 1
    case uint16 = 2
    case int16 = 3
    case uint32 = 4
    case int32 = 5
    case float32 = 6
    case bool = 7
    case string = 8
    case array = 9
    case uint64 = 10
    case int64 = 11
    case float64 = 12

    /// The bytes of a value of fixed size, nil for strings and arrays.
    var fixedSize: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }

    /// The fewest bytes a value can take: a string has a length, an array an element type and a length.
    var minimumSize: Int {
        switch self {
        case .string: 8
        case .array: 12
        default: fixedSize ?? 1
        }
    }
}

/// A value of a GGUF file's metadata.
public enum GGUFValue: Sendable, Equatable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case uint64(UInt64)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)
}

extension GGUFValue: FileValue {
    /// The integer, of whatever width, when it fits `Int`.
    public var integer: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(value)
        case .float32, .float64, .bool, .string, .array: nil
        }
    }

    /// The floating-point number, of whatever width.
    public var float: Float? {
        switch self {
        case .float32(let value): value
        case .float64(let value): Float(value)
        default: nil
        }
    }

    public var string: String? { if case .string(let string) = self { string } else { nil } }
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    public var strings: [String]? { array?.strings }
    public var integers: [Int]? { array?.integers }
    public var floats: [Float]? { array?.floats }
    public var array: GGUFArray? { if case .array(let array) = self { array } else { nil } }

    public var typeDescription: String {
        switch self {
        case .uint8: "a uint8"
        case .int8: "an int8"
        case .uint16: "a uint16"
        case .int16: "an int16"
        case .uint32: "a uint32"
        case .int32: "an int32"
        case .uint64: "a uint64"
        case .int64: "an int64"
        case .float32: "a float32"
        case .float64: "a float64"
        case .bool: "a bool"
        case .string: "a string"
        case .array(let array): "an array of \(array.count) \(array.elementType) values"
        }
    }
}
