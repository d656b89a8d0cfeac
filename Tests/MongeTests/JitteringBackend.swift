import CPUBackend
import Foundations
import Tensors

/// The CPU, on which every f16 number that an operation leaves is moved to one of its two neighbours, at random: errors of one unit in
/// the last place, independent of one another and with mean zero, in the place of those of rounding.
final class JitteringBackend: ForwardingBackend {
    /// Whether numbers are moved at present.
    var isJittering = false
    /// Whether weights are moved, too, as products of f16 round them.
    let jittersWeights: Bool
    private var generator: SeededGenerator
    private var weights: [ObjectIdentifier: (offset: Int, weight: Tensor, source: Tensor)] = [:]

    init(_ inner: CPUBackend, seed: UInt64, jittersWeights: Bool) {
        (self.jittersWeights, generator) = (jittersWeights, SeededGenerator(seed: seed))
        super.init(inner)
    }

    private func jitter(_ tensor: Tensor) throws {
        guard isJittering, tensor.dtype == .f16 else { return }
        var bits = [UInt16](repeating: 0, count: tensor.shape.count)
        try bits.withUnsafeMutableBytes { try inner.read(tensor, into: $0) }
        var random: UInt64 = 0
        for index in bits.indices {
            if index % 64 == 0 { random = generator.next() }
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

    // What rounds numbers to f16 in the language models of these tests.

    override func linear(_ operation: LinearOperation) throws {
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

    override func attention(_ operation: AttentionOperation) throws {
        try inner.attention(operation)
        try jitter(operation.output)
    }

    override func elementwise(_ operation: ElementwiseOperation) throws {
        try inner.elementwise(operation)
        try jitter(operation.output)
    }

    override func rmsNorm(_ operation: RMSNormOperation) throws {
        try inner.rmsNorm(operation)
        try jitter(operation.output)
    }

    override func rope(_ operation: RopeOperation) throws {
        try inner.rope(operation)
        try jitter(operation.output)
    }

    override func transport(_ operation: TransportOperation) throws {
        try inner.transport(operation)
        try jitter(operation.output)
    }

    override var name: String { "\(inner.name), jittering" }
}
