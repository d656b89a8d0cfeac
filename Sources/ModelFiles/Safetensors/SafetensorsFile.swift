import Foundation
import Tensors

/// What a safetensors file says about one of its tensors.
public struct SafetensorsTensorInfo: Sendable, Hashable {
    public let name: String
    public let shape: Shape
    public let type: SafetensorsType
    /// Where the tensor lies in the file, in bytes.
    public let range: Range<Int>
}

/// A safetensors file: named tensors and a map of strings, mapped into memory.
///
/// Opening reads and checks the header: its length against the file's before it is read, and that the tensors have the sizes their
/// shapes ask for and fill the rest of the file without gaps or overlaps.
///
/// Source: the format's description (Hugging Face, `safetensors`, README).
public final class SafetensorsFile: TensorFile {
    /// The map of strings, empty when there is none.
    public let metadata: [String: String]
    /// The tensors in the order of their bytes.
    public let tensors: [SafetensorsTensorInfo]
    private let file: MappedFile
    private let tensorIndices: [String: Int]

    public var name: String { file.name }
    public var tensorNames: [String] { tensors.map(\.name) }

    /// The format's own limit, in bytes.
    private static let maximumHeader = 100_000_000

    /// Opens a file.
    public convenience init(path: String) throws(ModelFileError) {
        try self.init(MappedFile(path: path))
    }

    /// Opens a file that is to hold something in particular.
    /// - Throws: ``ModelFileError/otherKind(file:found:expected:)`` for a file of another kind, among them safetensors files that are known to
    ///   hold something else.
    public static func open(_ path: String, expecting expected: FileKind) throws(ModelFileError) -> SafetensorsFile {
        let mapped = try MappedFile(path: path)
        guard FileKind.mayBeSafetensors(mapped) else { throw .otherKind(mapped, expected: expected) }
        let file = try SafetensorsFile(mapped)
        let kind = FileKind(file)
        guard kind == expected || kind == .safetensors else { throw .otherKind(file: path, found: kind, expected: expected) }
        return file
    }

    /// Reads a file that is already mapped, or bytes in memory.
    public init(_ file: MappedFile) throws(ModelFileError) {
        // Bytes of no known kind may be a broken header: what is wrong with it says more.
        let kind = FileKind(beginningOf: file)
        guard kind == .safetensors || kind == .unknown else { throw .otherKind(file, expected: .safetensors) }
        var reader = ByteReader(file)
        let length = try reader.length(minimumBytes: 1, "the length of the header")
        guard length <= SafetensorsFile.maximumHeader else {
            throw .malformed(file: file.name, detail: "the header takes \(length) bytes, the format allows 100 000 000")
        }
        let range = try reader.skip(length, "the header")
        let text = try file.bytes(in: range)
        guard text.first == UInt8(ascii: "{"),
            case .object(let header) = try JSONParser.parse(text, file: file.name, offset: range.lowerBound)
        else { throw .malformed(file: file.name, detail: "the header is not a JSON object; this is not a safetensors file") }
        var metadata: [String: String] = [:]
        var tensors: [SafetensorsTensorInfo] = []
        for member in header.members {
            if member.key == "__metadata__" {
                metadata = try SafetensorsFile.metadata(member.value, file)
            } else {
                tensors.append(try SafetensorsFile.info(member.key, member.value, dataStart: reader.offset, file))
            }
        }
        tensors.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        try SafetensorsFile.checkContiguous(tensors, dataStart: reader.offset, file)
        self.file = file
        self.metadata = metadata
        self.tensors = tensors
        tensorIndices = Dictionary(tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    public func contains(tensor name: String) -> Bool { tensorIndices[name] != nil }

    public func tensor(_ name: String) throws(ModelFileError) -> FileTensor {
        guard let index = tensorIndices[name] else { throw .missingTensor(file: self.name, tensor: name) }
        let info = tensors[index]
        if info.type == .float8 { return try FileTensor(widening: name, shape: info.shape, file: file, range: info.range) }
        guard let dtype = info.type.dtype else {
            throw .unsupported(
                file: self.name, detail: "the tensor '\(name)' has element type \(info.type), known are F32, F16, BF16, F8_E4M3 and I32")
        }
        return try FileTensor(name: name, dtype: dtype, shape: info.shape, file: file, range: info.range)
    }

    public func layout(_ name: String) throws(ModelFileError) -> (dtype: DType, shape: Shape) {
        // Widening is work.
        if let index = tensorIndices[name], tensors[index].type == .float8 { return (.f16, tensors[index].shape) }
        let tensor = try tensor(name)
        return (tensor.dtype, tensor.shape)
    }

    private static func metadata(_ value: JSONValue, _ file: MappedFile) throws(ModelFileError) -> [String: String] {
        // As in the reference library.
        if value.isNull { return [:] }
        guard case .object(let object) = value else { throw .malformed(file: file.name, detail: "'__metadata__' is not an object") }
        var metadata: [String: String] = [:]
        for member in object.members {
            guard case .string(let string) = member.value else {
                throw .malformed(file: file.name, detail: "the metadata value '\(member.key)' is not a string")
            }
            metadata[member.key] = string
        }
        return metadata
    }

    private static func info(
        _ name: String, _ value: JSONValue, dataStart: Int, _ file: MappedFile
    ) throws(ModelFileError) -> SafetensorsTensorInfo {
        func malformed(_ detail: String) -> ModelFileError { .malformed(file: file.name, detail: "the tensor '\(name)' \(detail)") }
        guard let typeName = value["dtype"]?.string, let dimensions = value["shape"]?.integers,
            let offsets = value["data_offsets"]?.integers
        else { throw malformed("lacks a valid dtype, shape or data_offsets") }
        guard let shape = Shape(checking: dimensions) else { throw malformed("has an impossible shape \(dimensions)") }
        let available = file.count - dataStart
        guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= available else {
            throw malformed("has offsets \(offsets) outside the \(available) bytes of data; the file is cut short or corrupted")
        }
        let type = SafetensorsType(name: typeName)
        if let size = type.elementBytes {
            let (bytes, overflow) = shape.count.multipliedReportingOverflow(by: size)
            guard !overflow, bytes == offsets[1] - offsets[0] else {
                throw malformed("of shape \(shape) and type \(type) has \(offsets[1] - offsets[0]) bytes of data, which is not its size")
            }
        }
        return SafetensorsTensorInfo(name: name, shape: shape, type: type, range: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private static func checkContiguous(
        _ tensors: [SafetensorsTensorInfo], dataStart: Int, _ file: MappedFile
    ) throws(ModelFileError) {
        var end = dataStart
        for tensor in tensors {
            guard tensor.range.lowerBound == end else {
                let what = tensor.range.lowerBound < end ? "overlaps the one before it" : "follows a gap"
                throw .malformed(file: file.name, detail: "the tensor '\(tensor.name)' \(what)")
            }
            end = tensor.range.upperBound
        }
        guard end == file.count else {
            throw .malformed(file: file.name, detail: "\(file.count - end) bytes at its end belong to no tensor")
        }
    }
}
