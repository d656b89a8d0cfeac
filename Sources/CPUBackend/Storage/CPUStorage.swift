import Tensors

/// Host memory of a tensor: owned, or that of somebody who is kept alive (a mapped file).
public final class CPUStorage: TensorStorage {
    /// The first byte. Owned memory begins at a multiple of ``CPUMemoryPool/alignment``.
    public private(set) var pointer: UnsafeMutableRawPointer

    private enum Ownership {
        case pool(CPUMemoryPool)
        case adopted(AnyObject)
        /// All of it is kept in another order alone.
        case interleaved(InterleavedWeight)
        case restored(CPUStorage)
    }
    private var ownership: Ownership

    /// Weights in the order of a product, by the place of the first byte; nil for those that such a product has read once.
    private var interleaved: [Int: InterleavedWeight?] = [:]

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

    /// Whether it is a block of a pool.
    func lies(in pool: CPUMemoryPool) -> Bool {
        if case .pool(let own) = ownership { return own === pool }
        return false
    }

    /// The weight that begins at a byte, in the order of a product.
    func interleaved(at byteOffset: Int) -> InterleavedWeight? { interleaved[byteOffset] ?? nil }

    /// Takes note of a product that would have liked its weight in order.
    /// - Returns: Whether it is the second one. Weights that are loaded for one pass and let go of are read once: putting them in order would
    ///   take longer than the product.
    func isWantedAgain(at byteOffset: Int) -> Bool {
        if interleaved[byteOffset] != nil { return true }
        interleaved[byteOffset] = .some(nil)
        return false
    }

    /// Whether the bytes are those of somebody else, and nobody writes to them.
    var isReadOnly: Bool {
        if case .pool = ownership { return false }
        return true
    }

    /// Keeps a weight in the order of a product, and lets go of the bytes it was made from: pages of a file come back when they are read;
    /// other memory is freed if it held this weight alone, and made again by ``restore()``.
    func keep(_ weight: InterleavedWeight, at byteOffset: Int) {
        interleaved[byteOffset] = weight
        guard case .adopted(let owner) = ownership else { return }
        if let file = owner as? any ReadableAgain {
            file.letGo(of: UnsafeRawBufferPointer(start: pointer + byteOffset, count: weight.byteCount))
        } else if weight.byteCount == byteCount {
            ownership = .interleaved(weight)
        }
    }

    /// Makes sure that ``pointer`` has the bytes as they were given.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    func restore() throws {
        guard case .interleaved(let weight) = ownership else { return }
        let memory = try weight.restored()
        pointer = memory.pointer
        ownership = .restored(memory)
    }
}

extension Tensor {
    /// The first byte of the elements.
    /// - Throws: ``TensorError/wrongBackend(operation:detail:)`` when the tensor is not in host memory;
    ///   ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    func hostPointer(_ operation: String) throws -> UnsafeMutableRawPointer {
        // The class is final: comparing types says what a cast would, in less time, and every operand of every operation is asked.
        guard type(of: storage) == CPUStorage.self else {
            throw TensorError.wrongBackend(
                operation: operation,
                detail: "a tensor of shape \(shape) does not lie in the memory of the CPU; copy it there with read and upload")
        }
        let memory = unsafeDowncast(storage, to: CPUStorage.self)
        try memory.restore()
        return memory.pointer + byteOffset
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
