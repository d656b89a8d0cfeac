import CSimd
import Tensors

extension CPUBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let name = "rmsNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let x = try operation.x.hostFloats(name)
        let gain = try operation.gain.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let transport = try monge_transport(operation.transport, name)
        workers.ranges(rows, cost: 2 * channels) { range, _ in
            withUnsafePointer(to: transport) {
                kernels.pointee.rms_norm(
                    x, gain, operation.epsilon, $0, channels, range.lowerBound, range.upperBound, output)
            }
        }
    }
}
