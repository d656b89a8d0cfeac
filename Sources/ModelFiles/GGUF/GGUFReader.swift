import Tensors

/// Reads the parts of a GGUF file that come before the tensors' values.
struct GGUFReader {
    private var reader: ByteReader

    init(_ file: MappedFile) { reader = ByteReader(file) }

    var offset: Int { reader.offset }

    struct Header {
        let version: Int
        let tensorCount: Int
        let metadataCount: Int
    }

    /// A tensor as the file describes it, its place not yet checked.
    struct RawTensorInfo {
        let name: String
        let shape: Shape
        let type: GGMLType
        /// From the start of the tensors' values, in bytes.
        let offset: UInt64
    }

    /// Arrays within arrays, deeper than any file needs, would otherwise nest as deep as the file is long.
    private static let maximumArrayDepth = 4
    /// A count is reserved for up to here before its elements have been seen.
    private static let maximumReserve = 1 << 18
    /// ggml's limit (`GGML_MAX_DIMS`).
    private static let maximumRank = 4

    private func malformed(_ detail: String) -> ModelFileError { .malformed(file: reader.file.name, detail: detail) }

    mutating func header() throws(ModelFileError) -> Header {
        guard reader.remaining >= 4 else { throw .otherKind(reader.file, expected: .gguf) }
        let magic = try reader.integer(UInt32.self, "the header")
        // The letters GGUF, read as a little-endian integer.
        guard magic == 0x4655_4747 else { throw .otherKind(reader.file, expected: .gguf) }
        let version = try reader.integer(UInt32.self, "the header")
        guard version == 2 || version == 3 else {
            let isSwapped = (2...3).contains(version.byteSwapped)
            throw .unsupported(
                file: reader.file.name,
                detail: isSwapped
                    ? "is a big-endian GGUF file, which cannot be read; convert it to little-endian"
                    : "has GGUF version \(version), only versions 2 and 3 can be read")
        }
        // Lower bounds: a tensor has a name, a rank, a type and an offset; a value has a key, a type and a byte.
        let tensorCount = try reader.length(minimumBytes: 24, "the number of tensors")
        let metadataCount = try reader.length(minimumBytes: 13, "the number of metadata values")
        return Header(version: Int(version), tensorCount: tensorCount, metadataCount: metadataCount)
    }

    mutating func metadata(count: Int) throws(ModelFileError) -> (keys: [String], values: [String: GGUFValue]) {
        var keys: [String] = []
        var values: [String: GGUFValue] = [:]
        keys.reserveCapacity(min(count, GGUFReader.maximumReserve))
        values.reserveCapacity(min(count, GGUFReader.maximumReserve))
        for index in 0..<count {
            let key = try reader.string("the key of metadata value \(index)")
            let type = try valueType("the type of '\(key)'")
            let value = try value(of: type, "the value of '\(key)'")
            guard values.updateValue(value, forKey: key) == nil else { throw malformed("the metadata key '\(key)' occurs twice") }
            keys.append(key)
        }
        return (keys, values)
    }

    mutating func tensorInfos(count: Int) throws(ModelFileError) -> [RawTensorInfo] {
        var infos: [RawTensorInfo] = []
        infos.reserveCapacity(min(count, GGUFReader.maximumReserve))
        for index in 0..<count {
            let name = try reader.string("the name of tensor \(index)")
            let rank = try reader.integer(UInt32.self, "the rank of tensor '\(name)'")
            guard rank <= GGUFReader.maximumRank else {
                throw malformed("the tensor '\(name)' has \(rank) axes, more than \(GGUFReader.maximumRank)")
            }
            var dimensions: [Int] = []
            for _ in 0..<rank {
                let extent = try reader.integer(UInt64.self, "the shape of tensor '\(name)'")
                guard let extent = Int(exactly: extent) else { throw malformed("the tensor '\(name)' has an axis of \(extent) elements") }
                dimensions.append(extent)
            }
            guard let shape = Shape(checking: dimensions.reversed()) else {
                throw malformed("the tensor '\(name)' of extents \(dimensions) has too many elements")
            }
            let type = GGMLType(rawValue: try reader.integer(UInt32.self, "the type of tensor '\(name)'"))
            let offset = try reader.integer(UInt64.self, "the offset of tensor '\(name)'")
            infos.append(RawTensorInfo(name: name, shape: shape, type: type, offset: offset))
        }
        return infos
    }

    private mutating func valueType(_ what: @autoclosure () -> String) throws(ModelFileError) -> GGUFValueType {
        let raw = try reader.integer(UInt32.self, what())
        guard let type = GGUFValueType(rawValue: raw) else { throw malformed("\(what()) is \(raw), which is no GGUF value type") }
        return type
    }

    private mutating func value(of type: GGUFValueType, _ what: @autoclosure () -> String) throws(ModelFileError) -> GGUFValue {
        switch type {
        case .uint8: .uint8(try reader.integer(UInt8.self, what()))
        case .int8: .int8(try reader.integer(Int8.self, what()))
        case .uint16: .uint16(try reader.integer(UInt16.self, what()))
        case .int16: .int16(try reader.integer(Int16.self, what()))
        case .uint32: .uint32(try reader.integer(UInt32.self, what()))
        case .int32: .int32(try reader.integer(Int32.self, what()))
        case .uint64: .uint64(try reader.integer(UInt64.self, what()))
        case .int64: .int64(try reader.integer(Int64.self, what()))
        case .float32: .float32(Float(bitPattern: try reader.integer(UInt32.self, what())))
        case .float64: .float64(Double(bitPattern: try reader.integer(UInt64.self, what())))
        case .bool: .bool(try bool(what()))
        case .string: .string(try reader.string(what()))
        case .array: .array(try array(depth: 1, what()))
        }
    }

    private mutating func bool(_ what: @autoclosure () -> String) throws(ModelFileError) -> Bool {
        let byte = try reader.integer(UInt8.self, what())
        guard byte <= 1 else { throw malformed("\(what()) is \(byte), neither false (0) nor true (1)") }
        return byte == 1
    }

    private mutating func array(depth: Int, _ what: @autoclosure () -> String) throws(ModelFileError) -> GGUFArray {
        guard depth <= GGUFReader.maximumArrayDepth else {
            throw malformed("\(what()) nests arrays more than \(GGUFReader.maximumArrayDepth) deep")
        }
        let type = try valueType("the element type of \(what())")
        let count = try reader.length(minimumBytes: type.minimumSize, "the length of \(what())")
        switch type {
        case .string:
            var strings: [String] = []
            strings.reserveCapacity(min(count, GGUFReader.maximumReserve))
            for _ in 0..<count { strings.append(try reader.string(what())) }
            return GGUFArray(strings)
        case .array:
            var arrays: [GGUFArray] = []
            for _ in 0..<count { arrays.append(try array(depth: depth + 1, what())) }
            return GGUFArray(arrays)
        default:
            // `length` has made sure that the product fits.
            let range = try reader.skip(count * type.minimumSize, what())
            return GGUFArray(numbers: type, count: count, in: reader.file, at: range)
        }
    }
}
