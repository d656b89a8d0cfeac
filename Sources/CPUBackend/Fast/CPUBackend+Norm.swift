import CSimd
import Tensors

extension CPUBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let name = "rmsNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let (isHalf, givesHalf) = (operation.x.dtype == .f16, operation.output.dtype == .f16)
        let x = try operation.x.hostPointer(name)
        let gain = try operation.gain.hostFloats(name)
        let output = try operation.output.hostPointer(name)
        let transport = try applied(operation.transport, on: operation.x.shape, gain: UnsafePointer(gain), name)
        workers.ranges(rows, cost: 2 * channels) { range, _ in
            withUnsafePointer(to: transport) {
                kernels.pointee.rms_norm(
                    x, isHalf, gain, operation.epsilon, $0, channels, range.lowerBound, range.upperBound, output, givesHalf)
            }
        }
    }

    public func layerNorm(_ operation: LayerNormOperation) throws {
        let name = "layerNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let (isHalf, givesHalf) = (operation.x.dtype == .f16, operation.output.dtype == .f16)
        let x = try operation.x.hostPointer(name)
        let gain = try operation.gain?.hostFloats(name)
        let bias = try operation.bias?.hostFloats(name)
        let output = try operation.output.hostPointer(name)
        let transport = try applied(operation.transport, on: operation.x.shape, gain: gain.map { UnsafePointer($0) }, name)
        workers.ranges(rows, cost: 2 * channels) { range, _ in
            withUnsafePointer(to: transport) {
                kernels.pointee.layer_norm(
                    x, isHalf, gain, bias, operation.epsilon, $0, channels, range.lowerBound, range.upperBound, output, givesHalf)
            }
        }
    }
}
