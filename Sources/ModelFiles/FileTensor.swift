import Foundation
import Tensors

/// A tensor as it lies in a file: its bytes, and what they mean.
///
/// The bytes are aligned for their element type (4 bytes for f32 and i32, 2 for the others), and their number is what shape and
/// element type ask for. They are read-only and valid while `owner` lives, and so can be read from several threads.
public struct FileTensor: @unchecked Sendable {
    public let name: String
    public let dtype: DType
    /// Outermost axis first.
    public let shape: Shape
    public let bytes: UnsafeRawBufferPointer
    public let owner: AnyObject

    /// The bytes of `file` in `range`, copied when they do not lie where their type can be read in place.
    init(name: String, dtype: DType, shape: Shape, file: MappedFile, range: Range<Int>) throws(ModelFileError) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        let bytes = try file.bytes(in: range)
        if Int(bitPattern: bytes.baseAddress) % dtype.scalarAlignment == 0 {
            self.bytes = bytes
            owner = file
        } else {
            let copy = MappedFile(contents: bytes, name: file.name)
            self.bytes = copy.bytes
            owner = copy
        }
    }

    /// The elements of an f32 tensor.
    /// - Throws: ``ModelFileError/unsupported(file:detail:)`` for another element type.
    public func floats() throws(ModelFileError) -> [Float] {
        guard dtype == .f32 else { throw .unsupported(file: name, detail: "the tensor is \(dtype) where f32 is expected") }
        return withExtendedLifetime(owner) {
            bytes.bindMemory(to: UInt32.self).map { Float(bitPattern: UInt32(littleEndian: $0)) }
        }
    }
}

/// A file, or a folder of files, that holds named tensors.
public protocol TensorFile: Sendable {
    /// The path, for messages.
    var name: String { get }
    /// The names of all tensors, in the order of the file.
    var tensorNames: [String] { get }
    /// Whether there is a tensor of this name.
    func contains(tensor name: String) -> Bool
    /// A tensor by its name.
    /// - Throws: ``ModelFileError`` when it is missing or its element type is not supported.
    func tensor(_ name: String) throws(ModelFileError) -> FileTensor
    /// The type and the extents of a tensor as ``tensor(_:)`` gives it, without reading it.
    func layout(_ name: String) throws(ModelFileError) -> (dtype: DType, shape: Shape)
}

extension TensorFile {
    public func layout(_ name: String) throws(ModelFileError) -> (dtype: DType, shape: Shape) {
        let tensor = try tensor(name)
        return (tensor.dtype, tensor.shape)
    }
}

extension DType {
    /// The alignment of the widest scalar in an element or a block.
    var scalarAlignment: Int {
        switch self {
        case .f32, .i32: 4
        case .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K: 2
        }
    }
}
