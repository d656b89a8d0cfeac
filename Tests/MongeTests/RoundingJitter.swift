import CPUBackend
import Foundations
import Tensors

/// The CPU with exact products, before each of which with quantised weights every activation is moved by half a unit of its block of 32, up or
/// down at random: errors as large as those of rounding to 8 bits can be, independent of one another and with mean zero.
final class RoundingJitter: ForwardingBackend {
    /// Whether numbers are moved at present.
    var isJittering = false
    private var generator: SeededGenerator

    init(_ inner: CPUBackend, seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        super.init(inner)
    }

    override func linear(_ operation: LinearOperation) throws {
        guard isJittering, operation.weight.dtype.isQuantised else { return try inner.linear(operation) }
        var x = try inner.readFloats(operation.x)
        for first in stride(from: 0, to: x.count, by: RoundedActivations.blockElements) {
            let block = first..<first + RoundedActivations.blockElements
            let half = Float(RoundedActivations.largestError(ofBlock: x[block]))
            var random = generator.next()
            for index in block {
                x[index] += random & 1 == 0 ? half : -half
                random >>= 1
            }
        }
        let epilogue = Epilogue(
            activation: operation.activation, transports: operation.transport.map { [$0] } ?? [], residual: operation.residual)
        _ = try inner.linear(
            inner.upload(x, operation.x.shape), weight: operation.weight, bias: operation.bias, epilogue: epilogue,
            into: operation.output)
    }

    override var name: String { "\(inner.name), jittering" }
}
