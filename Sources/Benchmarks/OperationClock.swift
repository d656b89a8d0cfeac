import Dispatch
import Tensors

/// A backend that times every operation of another on its own, and counts the arithmetic of those that multiply.
///
/// The device is waited for after each operation, so that all of them together take longer than they do in a row.
final class OperationClock: ForwardingBackend {
    /// By the operation's name.
    private(set) var seconds: [String: Double] = [:]
    /// Floating-point operations of products, convolutions and attention (two a multiply-add).
    private(set) var operations = 0.0

    override func perform(_ name: String, _ operation: () throws -> Void) throws {
        let start = DispatchTime.now().uptimeNanoseconds
        try operation()
        try inner.synchronize()
        seconds[name, default: 0] += Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }

    private func count(_ operands: ConvolutionOperands) {
        operations += Double(2 * operands.outputPixels * operands.rowElements * operands.outputChannels)
    }

    private func count(_ product: LinearOperation) {
        operations += Double(2 * product.rows * product.inputChannels * product.outputChannels)
    }

    override func attention(_ operation: AttentionOperation) throws {
        // Queries of a batch of equally long sequences each see all keys of their own.
        let pairs = operation.queries.shape[0] * operation.segments.maximumKeys
        operations += Double(4 * pairs * operation.heads * operation.headChannels)
        try super.attention(operation)
    }

    override func conv2d(_ operation: Conv2dOperation) throws {
        count(operation.operands)
        try super.conv2d(operation)
    }

    override func convTranspose2d(_ operation: ConvTranspose2dOperation) throws {
        count(operation.operands)
        try super.convTranspose2d(operation)
    }

    override func gatedLinear(_ operation: GatedLinearOperation) throws {
        operations += Double(4 * operation.rows * operation.inputChannels * operation.outputChannels)
        try super.gatedLinear(operation)
    }

    override func linear(_ operation: LinearOperation) throws {
        count(operation)
        try super.linear(operation)
    }

    override func linears(_ operations: [LinearOperation]) throws {
        for operation in operations { count(operation) }
        try super.linears(operations)
    }
}
