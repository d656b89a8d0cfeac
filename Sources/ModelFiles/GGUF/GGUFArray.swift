/// An array of a GGUF file's metadata. Numbers stay in the file and are decoded when asked for.
public struct GGUFArray: Sendable, Equatable {
    public let elementType: GGUFValueType
    public let count: Int
    private let elements: Elements

    private enum Elements: Sendable {
        case numbers(MappedFile, Range<Int>)
        case strings([String])
        case arrays([GGUFArray])
    }

    init(numbers elementType: GGUFValueType, count: Int, in file: MappedFile, at range: Range<Int>) {
        self.elementType = elementType
        self.count = count
        elements = .numbers(file, range)
    }

    init(_ strings: [String]) {
        elementType = .string
        count = strings.count
        elements = .strings(strings)
    }

    init(_ arrays: [GGUFArray]) {
        elementType = .array
        count = arrays.count
        elements = .arrays(arrays)
    }

    /// The elements of an array of strings.
    public var strings: [String]? {
        guard case .strings(let strings) = elements else { return nil }
        return strings
    }

    /// The elements of an array of arrays.
    public var arrays: [GGUFArray]? {
        guard case .arrays(let arrays) = elements else { return nil }
        return arrays
    }

    /// The elements of an array of integers of any width, when all fit `Int`.
    public var integers: [Int]? {
        switch elementType {
        case .uint8: decode(UInt8.self) { Int($0) }
        case .int8: decode(Int8.self) { Int($0) }
        case .uint16: decode(UInt16.self) { Int($0) }
        case .int16: decode(Int16.self) { Int($0) }
        case .uint32: decode(UInt32.self) { Int($0) }
        case .int32: decode(Int32.self) { Int($0) }
        case .uint64: decode(UInt64.self) { Int(exactly: $0) }
        case .int64: decode(Int64.self) { Int($0) }
        case .float32, .float64, .bool, .string, .array: nil
        }
    }

    /// The elements of an array of floating-point numbers, rounded to single precision.
    public var floats: [Float]? {
        switch elementType {
        case .float32: decode(UInt32.self) { Float(bitPattern: $0) }
        case .float64: decode(UInt64.self) { Float(Double(bitPattern: $0)) }
        default: nil
        }
    }

    /// The elements of an array of truth values.
    public var bools: [Bool]? {
        elementType == .bool ? decode(UInt8.self) { $0 != 0 } : nil
    }

    private func decode<T: FixedWidthInteger & BitwiseCopyable, Result>(_ type: T.Type, _ transform: (T) -> Result?) -> [Result]? {
        guard case .numbers(let file, let range) = elements else { return nil }
        return withExtendedLifetime(file) {
            let bytes = file.bytes
            var decoded: [Result] = []
            decoded.reserveCapacity(count)
            for offset in stride(from: range.lowerBound, to: range.upperBound, by: MemoryLayout<T>.size) {
                guard let value = transform(T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))) else { return nil }
                decoded.append(value)
            }
            return decoded
        }
    }

    public static func == (left: GGUFArray, right: GGUFArray) -> Bool {
        guard left.elementType == right.elementType, left.count == right.count else { return false }
        switch (left.elements, right.elements) {
        case (.strings(let left), .strings(let right)): return left == right
        case (.arrays(let left), .arrays(let right)): return left == right
        case (.numbers(let left, let leftRange), .numbers(let right, let rightRange)):
            return withExtendedLifetime((left, right)) { left.bytes[leftRange].elementsEqual(right.bytes[rightRange]) }
        default: return false
        }
    }
}
