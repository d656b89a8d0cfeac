import CSimd
import Tensors

extension CPUBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let name = "rmsNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        var operands = FloatOperands(memory, name, workers: workers)
        let x = try operands.input(operation.x)
        let gain = try operation.gain.hostFloats(name)
        let output = try operands.output(operation.output)
        let transport = try monge_transport(operation.transport, name)
        workers.ranges(rows, cost: 2 * channels) { range, _ in
            withUnsafePointer(to: transport) {
                kernels.pointee.rms_norm(
                    x, gain, operation.epsilon, $0, channels, range.lowerBound, range.upperBound, output)
            }
        }
        try operands.finish()
    }
}
