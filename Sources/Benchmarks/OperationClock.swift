import Dispatch
import Tensors

/// A backend that times every operation of another on its own, and counts the arithmetic of those that multiply.
///
/// The device is waited for after each operation, so that all of them together take longer than they do in a row.
final class OperationClock: Backend {
    private let inner: any Backend
    /// By the operation's name.
    private(set) var seconds: [String: Double] = [:]
    /// Floating-point operations of products, convolutions and attention (two a multiply-add).
    private(set) var operations = 0.0

    init(_ inner: any Backend) { self.inner = inner }

    private func time(_ name: String, _ operations: Int = 0, _ work: () throws -> Void) throws {
        let start = DispatchTime.now().uptimeNanoseconds
        try work()
        try inner.synchronize()
        seconds[name, default: 0] += Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        self.operations += Double(operations)
    }

    private static func cost(_ operands: ConvolutionOperands) -> Int {
        2 * operands.outputPixels * operands.rowElements * operands.outputChannels
    }

    var name: String { inner.name }
    var matrixInputs: MatrixInputs { inner.matrixInputs }
    var preferredActivations: DType { inner.preferredActivations }
    func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor { try inner.allocate(shape, dtype) }
    func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor { try inner.upload(bytes, shape, dtype) }
    func adopt(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try inner.adopt(bytes, owner: owner, shape, dtype)
    }
    func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws { try inner.write(bytes, to: tensor) }
    func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws { try inner.read(tensor, into: bytes) }
    func synchronize() throws { try inner.synchronize() }
    var tensorMemory: TensorMemory { inner.tensorMemory }
    func limitMemory(to byteCount: Int?) throws { try inner.limitMemory(to: byteCount) }
    func record(_ operations: @escaping () throws -> Void) throws -> any RecordedOperations { try inner.record(operations) }

    func argmax(_ operation: ArgmaxOperation) throws { try time("argmax") { try inner.argmax(operation) } }
    func attention(_ operation: AttentionOperation) throws {
        // Queries of a batch of equally long sequences each see all keys of their own.
        let pairs = operation.queries.shape[0] * operation.segments.maximumKeys
        try time("attention", 4 * pairs * operation.heads * operation.headChannels) { try inner.attention(operation) }
    }
    func aurocColumns(_ operation: AurocColumnsOperation) throws { try time("aurocColumns") { try inner.aurocColumns(operation) } }
    func conv2d(_ operation: Conv2dOperation) throws {
        try time("conv2d", Self.cost(operation.operands)) { try inner.conv2d(operation) }
    }
    func convTranspose2d(_ operation: ConvTranspose2dOperation) throws {
        try time("convTranspose2d", Self.cost(operation.operands)) { try inner.convTranspose2d(operation) }
    }
    func copy(_ operation: CopyOperation) throws { try time(operation.name) { try inner.copy(operation) } }
    func elementwise(_ operation: ElementwiseOperation) throws { try time(operation.function.name) { try inner.elementwise(operation) } }
    func embedding(_ operation: EmbeddingOperation) throws { try time("embedding") { try inner.embedding(operation) } }
    func fitColumns(_ operation: FitColumnsOperation) throws { try time("fitColumns") { try inner.fitColumns(operation) } }
    func groupNorm(_ operation: GroupNormOperation) throws { try time("groupNorm") { try inner.groupNorm(operation) } }
    func layerNorm(_ operation: LayerNormOperation) throws { try time("layerNorm") { try inner.layerNorm(operation) } }
    func linear(_ operation: LinearOperation) throws {
        try time("linear", 2 * operation.rows * operation.inputChannels * operation.outputChannels) { try inner.linear(operation) }
    }
    func pad(_ operation: PadOperation) throws { try time("pad") { try inner.pad(operation) } }
    func pool(_ operation: PoolOperation) throws { try time("pool") { try inner.pool(operation) } }
    func quantileColumns(_ operation: QuantileColumnsOperation) throws {
        try time("quantileColumns") { try inner.quantileColumns(operation) }
    }
    func reduce(_ operation: ReduceOperation) throws { try time("reduce") { try inner.reduce(operation) } }
    func rmsNorm(_ operation: RMSNormOperation) throws { try time("rmsNorm") { try inner.rmsNorm(operation) } }
    func rope(_ operation: RopeOperation) throws { try time("rope") { try inner.rope(operation) } }
    func rotation(_ operation: RotationOperation) throws { try time("rotation") { try inner.rotation(operation) } }
    func sample(_ operation: SampleOperation) throws { try time("sample") { try inner.sample(operation) } }
    func scatterRows(_ operation: ScatterRowsOperation) throws { try time("scatterRows") { try inner.scatterRows(operation) } }
    func softmax(_ operation: SoftmaxOperation) throws { try time("softmax") { try inner.softmax(operation) } }
    func sortColumns(_ operation: SortColumnsOperation) throws { try time("sortColumns") { try inner.sortColumns(operation) } }
    func storeKeys(_ operation: StoreKeysOperation) throws { try time("storeKeys") { try inner.storeKeys(operation) } }
    func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws {
        try time("timestepEmbedding") { try inner.timestepEmbedding(operation) }
    }
    func topK(_ operation: TopKOperation) throws { try time("topK") { try inner.topK(operation) } }
    func transport(_ operation: TransportOperation) throws { try time("transport") { try inner.transport(operation) } }
    func upsample(_ operation: UpsampleOperation) throws { try time("upsample") { try inner.upsample(operation) } }
}
