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

/// A GGUF file (versions 2 and 3, little-endian), or all parts of a split one: metadata and tensors, mapped into memory.
///
/// Opening reads and checks everything but the tensors' values: every length is compared with what is left of the file before memory
/// is taken, every tensor lies inside the file and overlaps no other, and no key or name occurs twice.
/// Tensors of element types that this library cannot compute with are listed; using one is an error.
///
/// Source: the GGUF specification (ggml, `docs/gguf.md`).
public final class GGUFFile: TensorFile, KeyedValues {
    /// The tensors of all parts, in the order of the files.
    public let tensors: [GGUFTensorInfo]
    /// One for a file that is not split.
    private let parts: [GGUFPart]
    /// By name: the tensor's place in ``tensors`` and its part.
    private let places: [String: (index: Int, part: Int)]

    /// The format's version, 2 or 3.
    public var version: Int { parts[0].version }
    /// What the offsets of the first part's tensors are multiples of, in bytes.
    public var alignment: Int { parts[0].alignment }
    /// The keys of the metadata, which the first part holds, in the order of the file.
    public var keys: [String] { parts[0].keys }
    /// The path of the first part, for messages.
    public var name: String { parts[0].file.name }
    /// The paths of all parts; one for a file that is not split.
    public var partNames: [String] { parts.map(\.file.name) }
    public var tensorNames: [String] { tensors.map(\.name) }

    /// Opens a file, and all other parts of a split one, whichever of them is named.
    /// - Throws: ``ModelFileError``; for a part that is missing, with its name.
    public convenience init(path: String) throws(ModelFileError) {
        try self.init(MappedFile(path: path))
    }

    /// Reads a file that is already mapped, or bytes in memory. The other parts of a split file are found by its name.
    public init(_ file: MappedFile) throws(ModelFileError) {
        parts = try GGUFPart.all(file)
        var places: [String: (index: Int, part: Int)] = [:]
        var index = 0
        for (number, part) in parts.enumerated() {
            for tensor in part.tensors {
                guard places.updateValue((index, number), forKey: tensor.name) == nil else {
                    throw .malformed(file: part.file.name, detail: "the tensor '\(tensor.name)' is in an earlier part, too")
                }
                index += 1
            }
        }
        self.places = places
        tensors = parts.flatMap(\.tensors)
    }

    /// The value of a key, whatever its type.
    public func value(_ key: String) -> GGUFValue? { parts[0].metadata[key] }

    public func contains(tensor name: String) -> Bool { places[name] != nil }

    public func tensor(_ name: String) throws(ModelFileError) -> FileTensor {
        guard let place = places[name] else { throw .missingTensor(file: self.name, tensor: name) }
        let info = tensors[place.index]
        guard let dtype = info.type.dtype, let range = info.range else {
            let known = DType.allCases.map { $0.rawValue.uppercased() }.joined(separator: ", ")
            throw .unsupported(
                file: self.name, detail: "the tensor '\(name)' has element type \(info.type), which is none of those known: \(known)")
        }
        return try FileTensor(name: name, dtype: dtype, shape: info.shape, file: parts[place.part].file, range: range)
    }
}

extension GGUFFile {
    /// What the file is: a model, or something else that comes in this format.
    public var kind: FileKind { FileKind(parts[0].metadata) }

    /// Refuses a control vector, an adapter and other files that are no models.
    public func requireModel() throws(ModelFileError) {
        guard kind == .ggufModel else { throw .otherKind(file: name, found: kind, expected: .ggufModel) }
    }
}
