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

    /// How exactly it multiplies activations with quantised weights in ``linear(_:)``.
    var precision: ProductPrecision { get }

    /// Whether ``linear(_:)`` rounds the activations of such a product to 16 bits (``RoundedActivations``).
    /// - Parameters:
    ///   - rows: Of the activations.
    ///   - channels: Of a row.
    ///   - weight: Its type.
    func roundsActivations(rows: Int, channels: Int, weight: DType) -> Bool

    /// Whether a recording (``record(isBrief:_:)``) takes so long to make that it is worth while to make few that serve many times.
    var areRecordingsExpensive: Bool { get }

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
    /// - Parameters:
    ///   - isBrief: Whether a device that is given all of them at once has done them in well under a second, as a decode step: each replay is
    ///     one submission then. Others are handed over in parts, since systems take a device away from who occupies it for seconds.
    ///   - operations: Asks for operations and does not read, write or wait: called now, with each replay, or both. A tensor it uploads
    ///     is a constant.
    /// - Throws: What the operations throw where they are recorded now.
    func record(isBrief: Bool, _ operations: @escaping () throws -> Void) throws -> any RecordedOperations

    // MARK: Operations, validated, in order of their names

    func argmax(_ operation: ArgmaxOperation) throws
    func attention(_ operation: AttentionOperation) throws
    func aurocColumns(_ operation: AurocColumnsOperation) throws
    func clusterTransport(_ operation: ClusterTransportOperation) throws
    func conv2d(_ operation: Conv2dOperation) throws
    func convTranspose2d(_ operation: ConvTranspose2dOperation) throws
    func copy(_ operation: CopyOperation) throws
    func elementwise(_ operation: ElementwiseOperation) throws
    func embedding(_ operation: EmbeddingOperation) throws
    func fitColumns(_ operation: FitColumnsOperation) throws
    /// ``separateGatedLinear(_:)`` where a device has nothing better.
    func gatedLinear(_ operation: GatedLinearOperation) throws
    func gatedTransport(_ operation: GatedTransportOperation) throws
    func groupNorm(_ operation: GroupNormOperation) throws
    func layerNorm(_ operation: LayerNormOperation) throws
    func linear(_ operation: LinearOperation) throws
    /// Products of the same x, at least one, with outputs apart from one another: ``separateLinears(_:)`` where a device has nothing better.
    func linears(_ operations: [LinearOperation]) throws
    func pad(_ operation: PadOperation) throws
    func pool(_ operation: PoolOperation) throws
    func quantileColumns(_ operation: QuantileColumnsOperation) throws
    func reduce(_ operation: ReduceOperation) throws
    func rmsNorm(_ operation: RMSNormOperation) throws
    func rope(_ operation: RopeOperation) throws
    /// ``separateRotateAndStore(_:)`` where a device has nothing better.
    func rotateAndStore(_ operation: RotateAndStoreOperation) throws
    func rotation(_ operation: RotationOperation) throws
    func sample(_ operation: SampleOperation) throws
    func scatterRows(_ operation: ScatterRowsOperation) throws
    func softmax(_ operation: SoftmaxOperation) throws
    func sortColumns(_ operation: SortColumnsOperation) throws
    func storeKeys(_ operation: StoreKeysOperation) throws
    func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws
    func topK(_ operation: TopKOperation) throws
    func transport(_ operation: TransportOperation) throws
    func upsample(_ operation: UpsampleOperation) throws
}

extension Backend {
    public var matrixInputs: MatrixInputs { .single }

    public var precision: ProductPrecision { .exact }

    /// Whenever products are fast and the weight is quantised.
    public func roundsActivations(rows: Int, channels: Int, weight: DType) -> Bool { precision == .fast && weight.isQuantised }

    public var areRecordingsExpensive: Bool { false }

    public var preferredActivations: DType { .f32 }

    public func gatedLinear(_ operation: GatedLinearOperation) throws { try separateGatedLinear(operation) }

    public func rotateAndStore(_ operation: RotateAndStoreOperation) throws { try separateRotateAndStore(operation) }

    public func linears(_ operations: [LinearOperation]) throws { try separateLinears(operations) }
}
