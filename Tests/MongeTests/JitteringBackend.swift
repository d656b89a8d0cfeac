import CPUBackend
import Tensors

/// The CPU, on which every f16 number that an operation leaves is moved to one of its two neighbours, at random: errors of one unit in
/// the last place, independent of one another and with mean zero, in the place of those of rounding.
final class JitteringBackend: Backend {
    let inner: CPUBackend
    /// Whether numbers are moved at present.
    var isJittering = false
    /// Whether weights are moved, too, as products of f16 round them.
    let jittersWeights: Bool
    private var numbers: UInt64
    private var weights: [ObjectIdentifier: (offset: Int, weight: Tensor, source: Tensor)] = [:]

    init(_ inner: CPUBackend, seed: UInt64, jittersWeights: Bool) {
        (self.inner, self.jittersWeights, numbers) = (inner, jittersWeights, seed)
    }

    /// SplitMix64 (Steele, Lea & Flood 2014).
    private func next() -> UInt64 {
        numbers &+= 0x9e37_79b9_7f4a_7c15
        var mixed = numbers
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    private func jitter(_ tensor: Tensor) throws {
        guard isJittering, tensor.dtype == .f16 else { return }
        var bits = [UInt16](repeating: 0, count: tensor.shape.count)
        try bits.withUnsafeMutableBytes { try inner.read(tensor, into: $0) }
        var random: UInt64 = 0
        for index in bits.indices {
            if index % 64 == 0 { random = next() }
            // A number's neighbours have the next magnitudes; zero has one on either side, and infinity stays.
            let magnitude = bits[index] & 0x7FFF
            if magnitude < 0x7BFF {
                let isUp = magnitude == 0 || random & 1 != 0
                bits[index] = isUp ? (magnitude == 0 && random & 1 != 0 ? 0x8001 : bits[index] + 1) : bits[index] - 1
            }
            random >>= 1
        }
        try bits.withUnsafeBytes { try inner.write($0, to: tensor) }
    }

    /// The weight in f16, each element moved.
    private func moved(_ weight: Tensor) throws -> Tensor {
        let key = ObjectIdentifier(weight.storage)
        if let known = weights[key], known.offset == weight.byteOffset { return known.weight }
        let half = try inner.cast(weight, to: .f16)
        try jitter(half)
        weights[key] = (weight.byteOffset, half, weight)
        return half
    }

    /// Other weights for the next pass.
    func forgetWeights() { weights = [:] }

    func linear(_ operation: LinearOperation) throws {
        if isJittering, jittersWeights {
            let epilogue = Epilogue(
                activation: operation.activation, transports: operation.transport.map { [$0] } ?? [], residual: operation.residual)
            _ = try inner.linear(
                operation.x, weight: moved(operation.weight), bias: operation.bias, epilogue: epilogue, into: operation.output)
        } else {
            try inner.linear(operation)
        }
        try jitter(operation.output)
    }

    func attention(_ operation: AttentionOperation) throws {
        try inner.attention(operation)
        try jitter(operation.output)
    }

    func elementwise(_ operation: ElementwiseOperation) throws {
        try inner.elementwise(operation)
        try jitter(operation.output)
    }

    func reduce(_ operation: ReduceOperation) throws { try inner.reduce(operation) }
    func rmsNorm(_ operation: RMSNormOperation) throws {
        try inner.rmsNorm(operation)
        try jitter(operation.output)
    }

    func rope(_ operation: RopeOperation) throws {
        try inner.rope(operation)
        try jitter(operation.output)
    }

    func transport(_ operation: TransportOperation) throws {
        try inner.transport(operation)
        try jitter(operation.output)
    }

    // What moves numbers without rounding them, and what no language model of these tests calls.

    var name: String { "\(inner.name), jittering" }

    func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor { try inner.allocate(shape, dtype) }
    func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor { try inner.upload(bytes, shape, dtype) }
    func adopt(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try inner.adopt(bytes, owner: owner, shape, dtype)
    }
    func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws { try inner.write(bytes, to: tensor) }
    func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws { try inner.read(tensor, into: bytes) }
    var tensorMemory: TensorMemory { inner.tensorMemory }
    func limitMemory(to byteCount: Int?) throws { try inner.limitMemory(to: byteCount) }
    func synchronize() throws { try inner.synchronize() }
    func argmax(_ operation: ArgmaxOperation) throws { try inner.argmax(operation) }
    func aurocColumns(_ operation: AurocColumnsOperation) throws { try inner.aurocColumns(operation) }
    func conv2d(_ operation: Conv2dOperation) throws { try inner.conv2d(operation) }
    func convTranspose2d(_ operation: ConvTranspose2dOperation) throws { try inner.convTranspose2d(operation) }
    func copy(_ operation: CopyOperation) throws { try inner.copy(operation) }
    func embedding(_ operation: EmbeddingOperation) throws { try inner.embedding(operation) }
    func fitColumns(_ operation: FitColumnsOperation) throws { try inner.fitColumns(operation) }
    func groupNorm(_ operation: GroupNormOperation) throws { try inner.groupNorm(operation) }
    func layerNorm(_ operation: LayerNormOperation) throws { try inner.layerNorm(operation) }
    func pad(_ operation: PadOperation) throws { try inner.pad(operation) }
    func pool(_ operation: PoolOperation) throws { try inner.pool(operation) }
    func quantileColumns(_ operation: QuantileColumnsOperation) throws { try inner.quantileColumns(operation) }
    func rotation(_ operation: RotationOperation) throws { try inner.rotation(operation) }
    func sample(_ operation: SampleOperation) throws { try inner.sample(operation) }
    func scatterRows(_ operation: ScatterRowsOperation) throws { try inner.scatterRows(operation) }
    func softmax(_ operation: SoftmaxOperation) throws { try inner.softmax(operation) }
    func sortColumns(_ operation: SortColumnsOperation) throws { try inner.sortColumns(operation) }
    func storeKeys(_ operation: StoreKeysOperation) throws { try inner.storeKeys(operation) }
    func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws { try inner.timestepEmbedding(operation) }
    func topK(_ operation: TopKOperation) throws { try inner.topK(operation) }
    func upsample(_ operation: UpsampleOperation) throws { try inner.upsample(operation) }
}
