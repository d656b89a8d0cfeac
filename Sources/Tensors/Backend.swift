/// A device that runs the operations of the library: the plain CPU reference, the fast CPU path, or a Vulkan device.
///
/// The methods without an implementation here are what a backend provides. Each takes an operation whose shapes, types and options
/// are already validated, with its output allocated; callers use the functions of the same name in `Operations/`, which do both.
/// Operations are ordered as they are called. A device may run them later: an error of an earlier operation can surface at
/// ``synchronize()`` or at a read.
///
/// A backend is used from one thread at a time.
public protocol Backend: AnyObject {
    /// What a person calls this device, for messages and results.
    var name: String { get }

    /// The precision in which it multiplies matrices.
    var matrixInputs: MatrixInputs { get }

    /// The type of activations that suits it: f16 where products of f16 are faster than those of f32.
    var preferredActivations: DType { get }

    // MARK: Memory

    /// Memory for a tensor, its contents undefined.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor

    /// A tensor with the given contents, copied.
    /// - Precondition: `bytes` has exactly the size of the tensor.
    func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor

    /// A read-only tensor (a weight) over memory that outlives it because `owner` is kept. The CPU reads it in place; a device
    /// with its own memory copies it.
    func adopt(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType) throws -> Tensor

    /// Overwrites a tensor, in order with the operations around it.
    func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws

    /// Waits for what the tensor depends on and copies its bytes out.
    func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws

    /// Waits until everything asked for so far is done, and reports what went wrong.
    func synchronize() throws

    /// What tensors take.
    var tensorMemory: TensorMemory { get }

    /// Gives memory that no tensor holds back to the system, and from here on keeps none for tensors to come where all together would
    /// exceed `byteCount`; nil for as much as the backend keeps by itself. Tensors that are needed are allocated all the same.
    func limitMemory(to byteCount: Int?) throws

    /// Operations to be run later, as often as wanted, over the same tensors, whose elements may have changed in between: the decode steps
    /// of a language model, the denoising steps of a diffusion model. A device that can keeps them as it runs them, so that a replay
    /// costs the host next to nothing; others, by default, ask for them again each time.
    ///
    /// What changes from one replay to the next is read from tensors, written in place: token ids, positions, lengths, strengths. Shapes,
    /// options and all that the host computes stay what they are. So results go into tensors that were there before (`into:`): what the
    /// operations allocate is theirs, and memory of a device is kept for it as long as the recording lives.
    ///
    /// - Parameter operations: Asks for operations and does not read, write or wait: called now or with each replay. A tensor it uploads
    ///   is a constant.
    /// - Throws: What the operations throw where they are recorded now.
    func record(_ operations: @escaping () throws -> Void) throws -> any RecordedOperations

    // MARK: Operations, validated, in order of their names

    func argmax(_ operation: ArgmaxOperation) throws
    func attention(_ operation: AttentionOperation) throws
    func aurocColumns(_ operation: AurocColumnsOperation) throws
    func conv2d(_ operation: Conv2dOperation) throws
    func convTranspose2d(_ operation: ConvTranspose2dOperation) throws
    func copy(_ operation: CopyOperation) throws
    func elementwise(_ operation: ElementwiseOperation) throws
    func embedding(_ operation: EmbeddingOperation) throws
    func fitColumns(_ operation: FitColumnsOperation) throws
    func groupNorm(_ operation: GroupNormOperation) throws
    func layerNorm(_ operation: LayerNormOperation) throws
    func linear(_ operation: LinearOperation) throws
    func pad(_ operation: PadOperation) throws
    func pool(_ operation: PoolOperation) throws
    func quantileColumns(_ operation: QuantileColumnsOperation) throws
    func rmsNorm(_ operation: RMSNormOperation) throws
    func rope(_ operation: RopeOperation) throws
    func rotation(_ operation: RotationOperation) throws
    func sample(_ operation: SampleOperation) throws
    func scatterRows(_ operation: ScatterRowsOperation) throws
    func softmax(_ operation: SoftmaxOperation) throws
    func sortColumns(_ operation: SortColumnsOperation) throws
    func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws
    func topK(_ operation: TopKOperation) throws
    func transport(_ operation: TransportOperation) throws
    func upsample(_ operation: UpsampleOperation) throws
}

extension Backend {
    public var matrixInputs: MatrixInputs { .single }

    public var preferredActivations: DType { .f32 }

    /// A tensor of the given elements. `T` must be as wide as `dtype` says (Float for f32, Int32 for i32).
    public func upload<T: BitwiseCopyable>(_ elements: [T], _ shape: Shape, _ dtype: DType) throws -> Tensor {
        guard dtype.byteCount(elements: shape.count) == elements.count * MemoryLayout<T>.stride else {
            throw TensorError.shapeMismatch(
                operation: "upload", detail: "\(elements.count) elements do not fill \(dtype) \(shape)")
        }
        return try elements.withUnsafeBytes { try upload($0, shape, dtype) }
    }

    public func upload(_ elements: [Float], _ shape: Shape) throws -> Tensor { try upload(elements, shape, .f32) }
    public func upload(_ elements: [Int32], _ shape: Shape) throws -> Tensor { try upload(elements, shape, .i32) }
    public func upload(_ elements: [Float]) throws -> Tensor { try upload(elements, [elements.count], .f32) }
    public func upload(_ elements: [Int32]) throws -> Tensor { try upload(elements, [elements.count], .i32) }

    /// The elements of an f32 or f16 tensor.
    public func readFloats(_ tensor: Tensor) throws -> [Float] {
        if tensor.dtype == .f16 { return try read(tensor, as: Float16.self, .f16).map { Float($0) } }
        return try read(tensor, as: Float.self, .f32)
    }

    /// Overwrites an f32 or f16 tensor, for which the elements are rounded to the nearest.
    public func writeFloats(_ elements: [Float], to tensor: Tensor) throws {
        switch tensor.dtype {
        case .f32: try write(elements, to: tensor)
        case .f16: try write(elements.map { Float16($0) }, to: tensor)
        default: throw TensorError.unsupportedType(operation: "write", detail: "the tensor is \(tensor.dtype), expected f32 or f16")
        }
    }

    /// The elements of an i32 tensor.
    public func readIntegers(_ tensor: Tensor) throws -> [Int32] { try read(tensor, as: Int32.self, .i32) }

    private func read<T: BitwiseCopyable & Numeric>(_ tensor: Tensor, as type: T.Type, _ dtype: DType) throws -> [T] {
        guard tensor.dtype == dtype else {
            throw TensorError.unsupportedType(operation: "read", detail: "the tensor is \(tensor.dtype), not \(dtype)")
        }
        var elements = [T](repeating: 0, count: tensor.shape.count)
        try elements.withUnsafeMutableBytes { try read(tensor, into: $0) }
        return elements
    }

    /// Copies `source` over `destination`, which have the same size in bytes.
    public func write<T: BitwiseCopyable>(_ elements: [T], to tensor: Tensor) throws {
        guard tensor.byteCount == elements.count * MemoryLayout<T>.stride else {
            throw TensorError.shapeMismatch(
                operation: "write", detail: "\(elements.count) elements do not fill \(tensor.dtype) \(tensor.shape)")
        }
        try elements.withUnsafeBytes { try write($0, to: tensor) }
    }
}
