import Foundation
import Tensors

/// What a GGUF file says about one of its tensors.
public struct GGUFTensorInfo: Sendable, Hashable {
    public let name: String
    /// Outermost axis first: the reverse of the order in the file.
    public let shape: Shape
    public let type: GGMLType
    /// Where the tensor lies in the file, in bytes; nil when this library does not know how long its type is.
    public let range: Range<Int>?
}

/// A GGUF file (versions 2 and 3, little-endian): metadata and tensors, mapped into memory.
///
/// Opening reads and checks everything but the tensors' values: every length is compared with what is left of the file before memory
/// is taken, every tensor lies inside the file and overlaps no other, and no key or name occurs twice.
/// Tensors of element types that this library cannot compute with are listed; using one is an error.
///
/// Source: the GGUF specification (ggml, `docs/gguf.md`).
public final class GGUFFile: TensorFile, KeyedValues {
    /// The format's version, 2 or 3.
    public let version: Int
    /// What the tensors' offsets are multiples of, in bytes.
    public let alignment: Int
    /// The keys of the metadata in the order of the file.
    public let keys: [String]
    /// The tensors in the order of the file.
    public let tensors: [GGUFTensorInfo]
    let file: MappedFile
    private let metadata: [String: GGUFValue]
    private let tensorIndices: [String: Int]

    /// The path, for messages.
    public var name: String { file.name }
    public var tensorNames: [String] { tensors.map(\.name) }

    /// Opens a file.
    public convenience init(path: String) throws(ModelFileError) {
        try self.init(MappedFile(path: path))
    }

    /// Reads a file that is already mapped, or bytes in memory.
    public init(_ file: MappedFile) throws(ModelFileError) {
        var reader = GGUFReader(file)
        let header = try reader.header()
        let (keys, metadata) = try reader.metadata(count: header.metadataCount)
        let alignment = try GGUFFile.alignment(metadata, file)
        let infos = try reader.tensorInfos(count: header.tensorCount)
        tensors = try GGUFLayout(file: file, headerEnd: reader.offset, alignment: alignment).locate(infos)
        self.file = file
        version = header.version
        self.alignment = alignment
        self.keys = keys
        self.metadata = metadata
        tensorIndices = Dictionary(tensors.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    /// The value of a key, whatever its type.
    public func value(_ key: String) -> GGUFValue? { metadata[key] }

    public func contains(tensor name: String) -> Bool { tensorIndices[name] != nil }

    public func tensor(_ name: String) throws(ModelFileError) -> FileTensor {
        guard let index = tensorIndices[name] else { throw .missingTensor(file: self.name, tensor: name) }
        let info = tensors[index]
        guard let dtype = info.type.dtype, let range = info.range else {
            let known = DType.allCases.map { $0.rawValue.uppercased() }.joined(separator: ", ")
            throw .unsupported(
                file: self.name, detail: "the tensor '\(name)' has element type \(info.type), which is none of those known: \(known)")
        }
        return try FileTensor(name: name, dtype: dtype, shape: info.shape, file: file, range: range)
    }

    /// `general.alignment`, 32 when absent.
    private static func alignment(_ metadata: [String: GGUFValue], _ file: MappedFile) throws(ModelFileError) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard let alignment = value.integer, alignment > 0, alignment <= 1 << 30, alignment.nonzeroBitCount == 1 else {
            throw .malformed(file: file.name, detail: "general.alignment is not a power of two up to 2³⁰")
        }
        return alignment
    }
}
