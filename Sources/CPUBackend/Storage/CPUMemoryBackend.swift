import Tensors

/// A backend whose tensors lie in host memory: what such backends share. Operations run when they are called, so nothing is
/// ever outstanding.
public protocol CPUMemoryBackend: Backend {
    var memory: CPUMemoryPool { get }
}

extension CPUMemoryBackend {
    public func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor {
        guard shape.channels % dtype.blockElements == 0 else {
            throw TensorError.shapeMismatch(
                operation: "allocate", detail: "rows of \(shape) are not whole blocks of \(dtype.blockElements) elements (\(dtype))")
        }
        guard let byteCount = dtype.byteCount(elements: shape.count) else {
            throw TensorError.outOfMemory(device: name, requestedBytes: .max, detail: "\(dtype) \(shape) is larger than any memory")
        }
        return Tensor(shape: shape, dtype: dtype, storage: try CPUStorage(byteCount: byteCount, from: memory))
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try uploaded(bytes, shape, dtype)
    }

    public func adopt(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        // Elements are read as they stand, so those that a file placed at an odd address are copied. Blocks begin with an f16.
        let alignment = dtype.isQuantised ? 2 : dtype.blockBytes
        guard let address = bytes.baseAddress, Int(bitPattern: address) % alignment == 0 else {
            return try upload(bytes, shape, dtype)
        }
        precondition(bytes.count == dtype.byteCount(elements: shape.count), "\(bytes.count) bytes are those of \(dtype) \(shape)")
        return Tensor(shape: shape, dtype: dtype, storage: CPUStorage(adopting: bytes, owner: owner))
    }

    public func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws { try fill(tensor, with: bytes) }

    public func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws { try copyElements(of: tensor, into: bytes) }

    func uploaded(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        let tensor = try allocate(shape, dtype)
        try fill(tensor, with: bytes)
        return tensor
    }

    func fill(_ tensor: Tensor, with bytes: UnsafeRawBufferPointer) throws {
        precondition(bytes.count == tensor.byteCount, "\(bytes.count) bytes are those of \(tensor.dtype) \(tensor.shape)")
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        try tensor.hostPointer("write").copyMemory(from: source, byteCount: bytes.count)
    }

    func copyElements(of tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws {
        precondition(bytes.count == tensor.byteCount, "\(bytes.count) bytes are those of \(tensor.dtype) \(tensor.shape)")
        guard let destination = bytes.baseAddress, !bytes.isEmpty else { return }
        destination.copyMemory(from: try tensor.hostPointer("read"), byteCount: bytes.count)
    }

    public func synchronize() throws {}

    public var tensorMemory: TensorMemory { memory.use }

    public func limitMemory(to byteCount: Int?) throws { memory.limit(to: byteCount) }
}
