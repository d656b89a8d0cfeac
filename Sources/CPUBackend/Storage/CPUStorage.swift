import Tensors

/// Host memory of a tensor: owned, or that of somebody who is kept alive (a mapped file).
public final class CPUStorage: TensorStorage {
    /// The first byte. Owned memory begins at a multiple of ``CPUMemoryPool/alignment``.
    public let pointer: UnsafeMutableRawPointer

    private enum Ownership {
        case pool(CPUMemoryPool)
        case adopted(AnyObject)
    }
    private let ownership: Ownership

    /// Owned memory, its contents undefined; it returns to the pool with the last tensor.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    public init(byteCount: Int, from pool: CPUMemoryPool) throws {
        pointer = try pool.take(byteCount)
        ownership = .pool(pool)
        super.init(byteCount: byteCount)
    }

    /// Memory that is only read and that lives as long as `owner`.
    /// - Precondition: `bytes` is not empty.
    public init(adopting bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        guard let address = bytes.baseAddress else { preconditionFailure("adopted memory has an address") }
        pointer = UnsafeMutableRawPointer(mutating: address)
        ownership = .adopted(owner)
        super.init(byteCount: bytes.count)
    }

    deinit {
        if case .pool(let pool) = ownership { pool.giveBack(pointer, byteCount: byteCount) }
    }
}

extension Tensor {
    /// The first byte of the elements.
    /// - Throws: ``TensorError/wrongBackend(operation:detail:)`` when the tensor is not in host memory.
    func hostPointer(_ operation: String) throws -> UnsafeMutableRawPointer {
        // The class is final: comparing types says what a cast would, in less time, and every operand of every operation is asked.
        guard type(of: storage) == CPUStorage.self else {
            throw TensorError.wrongBackend(
                operation: operation,
                detail: "a tensor of shape \(shape) does not lie in the memory of the CPU; copy it there with read and upload")
        }
        return unsafeDowncast(storage, to: CPUStorage.self).pointer + byteOffset
    }

    /// The elements as `T`, which the caller has made sure of by the element type.
    /// - Throws: ``TensorError/wrongBackend(operation:detail:)`` when the tensor is not in host memory.
    func hostElements<T: BitwiseCopyable>(_ type: T.Type, _ operation: String) throws -> UnsafeMutablePointer<T> {
        try hostPointer(operation).assumingMemoryBound(to: T.self)
    }

    /// The elements of an f32 tensor.
    func hostFloats(_ operation: String) throws -> UnsafeMutablePointer<Float> {
        // Elements of another size would be read beyond their end.
        guard dtype == .f32 else {
            throw TensorError.unsupportedType(operation: operation, detail: "a tensor of shape \(shape) is \(dtype), expected f32")
        }
        return try hostElements(Float.self, operation)
    }

    /// The elements of an i32 tensor.
    func hostIntegers(_ operation: String) throws -> UnsafeMutablePointer<Int32> { try hostElements(Int32.self, operation) }
}
