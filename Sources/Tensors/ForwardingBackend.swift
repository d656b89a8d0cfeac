/// A backend that hands everything to another: the base of those that time, count or alter what passes through them.
open class ForwardingBackend: Backend {
    public let inner: any Backend

    public init(_ inner: any Backend) { self.inner = inner }

    /// Every operation comes through here on its way to ``inner``.
    ///
    /// - Parameters:
    ///   - name: The operation's, of elementwise ones the function's.
    ///   - operation: Hands it on.
    open func perform(_ name: String, _ operation: () throws -> Void) throws { try operation() }

    open var name: String { inner.name }
    open var matrixInputs: MatrixInputs { inner.matrixInputs }
    open var precision: ProductPrecision { inner.precision }
    open func roundsActivations(rows: Int, channels: Int, weight: DType) -> Bool {
        inner.roundsActivations(rows: rows, channels: channels, weight: weight)
    }
    open var preferredActivations: DType { inner.preferredActivations }
    open var areRecordingsExpensive: Bool { inner.areRecordingsExpensive }

    open func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor { try inner.allocate(shape, dtype) }
    open func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try inner.upload(bytes, shape, dtype)
    }
    open func adopt(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try inner.adopt(bytes, owner: owner, shape, dtype)
    }
    open func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws { try inner.write(bytes, to: tensor) }
    open func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws { try inner.read(tensor, into: bytes) }
    open func synchronize() throws { try inner.synchronize() }
    open var tensorMemory: TensorMemory { inner.tensorMemory }
    open func limitMemory(to byteCount: Int?) throws { try inner.limitMemory(to: byteCount) }
    /// The operations of a recording pass through here when they are recorded, not when they are replayed.
    open func record(isBrief: Bool, _ operations: @escaping () throws -> Void) throws -> any RecordedOperations {
        try inner.record(isBrief: isBrief, operations)
    }

    open func argmax(_ operation: ArgmaxOperation) throws { try perform("argmax") { try inner.argmax(operation) } }
    open func attention(_ operation: AttentionOperation) throws { try perform("attention") { try inner.attention(operation) } }
    open func aurocColumns(_ operation: AurocColumnsOperation) throws { try perform("aurocColumns") { try inner.aurocColumns(operation) } }
    open func clusterTransport(_ operation: ClusterTransportOperation) throws {
        try perform("clusterTransport") { try inner.clusterTransport(operation) }
    }
    open func conv2d(_ operation: Conv2dOperation) throws { try perform("conv2d") { try inner.conv2d(operation) } }
    open func convTranspose2d(_ operation: ConvTranspose2dOperation) throws {
        try perform("convTranspose2d") { try inner.convTranspose2d(operation) }
    }
    open func copy(_ operation: CopyOperation) throws { try perform(operation.name) { try inner.copy(operation) } }
    open func elementwise(_ operation: ElementwiseOperation) throws {
        try perform(operation.function.name) { try inner.elementwise(operation) }
    }
    open func embedding(_ operation: EmbeddingOperation) throws { try perform("embedding") { try inner.embedding(operation) } }
    open func fitColumns(_ operation: FitColumnsOperation) throws { try perform("fitColumns") { try inner.fitColumns(operation) } }
    open func gatedLinear(_ operation: GatedLinearOperation) throws { try perform("gatedLinear") { try inner.gatedLinear(operation) } }
    open func gatedTransport(_ operation: GatedTransportOperation) throws {
        try perform("gatedTransport") { try inner.gatedTransport(operation) }
    }
    open func groupNorm(_ operation: GroupNormOperation) throws { try perform("groupNorm") { try inner.groupNorm(operation) } }
    open func layerNorm(_ operation: LayerNormOperation) throws { try perform("layerNorm") { try inner.layerNorm(operation) } }
    open func linear(_ operation: LinearOperation) throws { try perform("linear") { try inner.linear(operation) } }
    open func linears(_ operations: [LinearOperation]) throws { try perform("linear") { try inner.linears(operations) } }
    open func pad(_ operation: PadOperation) throws { try perform("pad") { try inner.pad(operation) } }
    open func pool(_ operation: PoolOperation) throws { try perform("pool") { try inner.pool(operation) } }
    open func quantileColumns(_ operation: QuantileColumnsOperation) throws {
        try perform("quantileColumns") { try inner.quantileColumns(operation) }
    }
    open func reduce(_ operation: ReduceOperation) throws { try perform("reduce") { try inner.reduce(operation) } }
    open func rmsNorm(_ operation: RMSNormOperation) throws { try perform("rmsNorm") { try inner.rmsNorm(operation) } }
    open func rope(_ operation: RopeOperation) throws { try perform("rope") { try inner.rope(operation) } }
    open func rotateAndStore(_ operation: RotateAndStoreOperation) throws {
        try perform("rotateAndStore") { try inner.rotateAndStore(operation) }
    }
    open func rotation(_ operation: RotationOperation) throws { try perform("rotation") { try inner.rotation(operation) } }
    open func sample(_ operation: SampleOperation) throws { try perform("sample") { try inner.sample(operation) } }
    open func scatterRows(_ operation: ScatterRowsOperation) throws { try perform("scatterRows") { try inner.scatterRows(operation) } }
    open func softmax(_ operation: SoftmaxOperation) throws { try perform("softmax") { try inner.softmax(operation) } }
    open func sortColumns(_ operation: SortColumnsOperation) throws { try perform("sortColumns") { try inner.sortColumns(operation) } }
    open func storeKeys(_ operation: StoreKeysOperation) throws { try perform("storeKeys") { try inner.storeKeys(operation) } }
    open func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws {
        try perform("timestepEmbedding") { try inner.timestepEmbedding(operation) }
    }
    open func topK(_ operation: TopKOperation) throws { try perform("topK") { try inner.topK(operation) } }
    open func transport(_ operation: TransportOperation) throws { try perform("transport") { try inner.transport(operation) } }
    open func upsample(_ operation: UpsampleOperation) throws { try perform("upsample") { try inner.upsample(operation) } }
}
