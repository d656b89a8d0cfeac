/// A dictionary of tensors and plain values that PyTorch saved (`torch.save`, from version 1.6 on), read without running anything of it.
public struct StateDict: Sendable {
    /// A value of the dictionary.
    public enum Value: Sendable, Equatable {
        /// Numbers, row-major, and the extents.
        case tensor([Float], shape: [Int])
        case number(Double)
        case string(String)
        case list([Value])
        case dictionary([String: Value])
        /// None, or something that maps have no use for.
        case other(String)
    }

    /// The path, for messages.
    public let name: String
    public let values: [String: Value]

    /// - Throws: ``ModelFileError`` for a file that is none, or whose pickle asks for anything but tensors and plain values.
    public init(path: String) throws(ModelFileError) { try self.init(MappedFile(path: path)) }

    public init(_ file: MappedFile) throws(ModelFileError) {
        guard FileKind(beginningOf: file) == .torch else { throw .otherKind(file, expected: .torch) }
        guard file.bytes.starts(with: [0x50, 0x4B]) else {
            throw .unsupported(file: file.name, detail: "it was saved by PyTorch before 1.6; load it and save it again")
        }
        let archive = try ZipArchive(file)
        guard let pickle = archive.names.first(where: { $0.hasSuffix("/data.pkl") }) else {
            throw .malformed(file: file.name, detail: "the archive holds no data.pkl")
        }
        let folder = String(pickle.dropLast("data.pkl".count))
        if archive.contains("\(folder)byteorder") {
            let order = try file.bytes(in: archive.range(of: "\(folder)byteorder"))
            guard order.elementsEqual("little".utf8) else {
                throw .unsupported(file: file.name, detail: "its numbers are not little-endian")
            }
        }
        let root = try PickleReader.value(file.bytes(in: archive.range(of: pickle)), file: file.name)
        guard case .dictionary(let dictionary) = root else {
            throw .unsupported(file: file.name, detail: "it holds \(root.kind), where a dictionary of tensors is expected")
        }
        name = file.name
        var conversion = Conversion(
            tensors: TensorReader(archive: archive, folder: folder), remaining: Conversion.perByte * file.count + 1000)
        values = try conversion.values(dictionary)
    }
}

/// Turns what a pickle made into values, no more of them than a file of its size has reason to: parts that are repeated within one another
/// would grow without bound.
private struct Conversion {
    let tensors: TensorReader
    /// How many values may still be made.
    var remaining: Int

    /// Views may share a storage, but hardly more often than this.
    static let perByte = 4

    private mutating func spend(_ count: Int) throws(ModelFileError) {
        remaining -= count
        guard remaining >= 0 else {
            throw .malformed(file: tensors.archive.file.name, detail: "its values repeat one another far beyond the size of the file")
        }
    }

    /// - Parameter depth: Of lists and dictionaries around it, which may hold themselves.
    mutating func values(_ dictionary: PickleDictionary, depth: Int = 0) throws(ModelFileError) -> [String: StateDict.Value] {
        var result: [String: StateDict.Value] = [:]
        for (key, value) in dictionary.values { result[key] = try self.value(value, depth: depth) }
        return result
    }

    private mutating func value(_ value: PickleValue, depth: Int) throws(ModelFileError) -> StateDict.Value {
        try spend(1)
        guard depth < 4 else { return .other("a value deep within others") }
        switch value {
        case .bool(let value): return .number(value ? 1 : 0)
        case .integer(let value): return .number(Double(value))
        case .float(let value): return .number(value)
        case .string(let text): return .string(text)
        case .tensor(let tensor):
            try spend(tensor.shape.reduce(1, *))
            return .tensor(try tensors.floats(tensor), shape: tensor.shape)
        case .list(let list): return .list(try elements(list.elements, depth))
        case .tuple(let list): return .list(try elements(list, depth))
        case .dictionary(let dictionary): return .dictionary(try values(dictionary, depth: depth + 1))
        case .none, .global, .storage: return .other(value.kind)
        }
    }

    private mutating func elements(_ list: [PickleValue], _ depth: Int) throws(ModelFileError) -> [StateDict.Value] {
        var result: [StateDict.Value] = []
        for element in list { result.append(try value(element, depth: depth + 1)) }
        return result
    }
}

/// Reads tensors from the storages beside a pickle.
private struct TensorReader {
    let archive: ZipArchive
    let folder: String

    func floats(_ tensor: PickleTensor) throws(ModelFileError) -> [Float] {
        let name = "\(folder)data/\(tensor.storage.key)"
        let bytes = try archive.file.bytes(in: archive.range(of: name))
        func read<T: BitwiseCopyable>(_ type: T.Type, _ value: (T) -> Float) throws(ModelFileError) -> [Float] {
            let size = MemoryLayout<T>.size
            guard tensor.storage.count <= bytes.count / size else {
                throw .malformed(
                    file: archive.file.name,
                    detail:
                        "the storage '\(name)' has \(bytes.count) bytes, where \(tensor.storage.count) numbers of \(size) are said to be")
            }
            var result: [Float] = []
            result.reserveCapacity(tensor.shape.reduce(1, *))
            visit(tensor, 0, tensor.offset) { result.append(value(bytes.loadUnaligned(fromByteOffset: $0 * size, as: T.self))) }
            return result
        }
        switch tensor.storage.type {
        case "FloatStorage": return try read(UInt32.self) { Float(bitPattern: UInt32(littleEndian: $0)) }
        case "DoubleStorage": return try read(UInt64.self) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
        case "HalfStorage": return try read(UInt16.self) { Float(Float16(bitPattern: UInt16(littleEndian: $0))) }
        case "BFloat16Storage": return try read(UInt16.self) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
        case "LongStorage": return try read(Int64.self) { Float(Int64(littleEndian: $0)) }
        case "IntStorage": return try read(Int32.self) { Float(Int32(littleEndian: $0)) }
        case "BoolStorage": return try read(UInt8.self) { $0 == 0 ? 0 : 1 }
        default:
            throw .unsupported(
                file: archive.file.name,
                detail: "a tensor is stored as \(tensor.storage.type); known are those of float, double, half, bfloat16, long, int and bool"
            )
        }
    }

    /// The places of a tensor's elements in its storage, row-major.
    private func visit(_ tensor: PickleTensor, _ axis: Int, _ offset: Int, _ body: (Int) -> Void) {
        guard axis < tensor.shape.count else { return body(offset) }
        for index in 0..<tensor.shape[axis] { visit(tensor, axis + 1, offset + index * tensor.strides[axis], body) }
    }
}
