import ModelFiles
import Tensors

/// Where a model's weights come from, under their Hugging Face names, whatever the file calls them.
package protocol WeightSource {
    /// The tensor, or nil when the file has none of that name.
    func tensor(_ name: String) throws -> StoredWeight?
}

extension WeightSource {
    /// A tensor that the model cannot do without.
    func required(_ name: String, shape: Shape) throws -> StoredWeight {
        guard let tensor = try tensor(name) else { throw ModelError.missingTensor(name) }
        guard tensor.shape == shape else {
            throw ModelError.wrongShape(name: name, found: tensor.shape, expected: shape)
        }
        return tensor
    }

    /// A matrix or table, kept in the type it is stored in.
    func weight(_ name: String, shape: Shape, on backend: any Backend) throws -> Tensor {
        let tensor = try required(name, shape: shape)
        return try backend.adopt(tensor.bytes, owner: tensor.owner, shape, tensor.dtype)
    }

    /// A vector (a gain or a bias), decoded to f32.
    func vector(_ name: String, channels: Int) throws -> [Float] {
        try required(name, shape: [channels]).floats(name: name)
    }
}

/// A weight as it lies in a file, or as it was put together from one.
package struct StoredWeight {
    var dtype: DType
    var shape: Shape
    /// Valid while `owner` lives.
    var bytes: UnsafeRawBufferPointer
    var owner: AnyObject

    /// The elements of a small unquantised tensor.
    func floats(name: String) throws -> [Float] {
        switch dtype {
        case .f32: return (0..<shape.count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        case .f16: return (0..<shape.count).map { Float(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: Float16.self)) }
        case .bf16:
            return (0..<shape.count).map {
                Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) << 16)
            }
        default: throw ModelError.unsupported("\(name) is stored as \(dtype); a gain or bias is read from f32, f16 or bf16")
        }
    }
}

extension StoredWeight {
    init(_ tensor: FileTensor) {
        self.init(dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes, owner: tensor.owner)
    }
}

/// Why a file does not make a model.
public enum ModelError: Error, Equatable, CustomStringConvertible {
    case unknownArchitecture(String, known: [String])
    case missingTensor(String)
    case wrongShape(name: String, found: Shape, expected: Shape)
    case invalidConfiguration(String)
    case unsupported(String)

    public var description: String {
        switch self {
        case .unknownArchitecture(let name, let known):
            "the model's architecture is '\(name)'; Monge runs \(known.joined(separator: ", "))"
        case .missingTensor(let name): "the model file has no tensor \(name)"
        case .wrongShape(let name, let found, let expected):
            "tensor \(name) has shape \(found); its configuration asks for \(expected)"
        case .invalidConfiguration(let detail): "the model's configuration is not usable: \(detail)"
        case .unsupported(let detail): detail
        }
    }
}
