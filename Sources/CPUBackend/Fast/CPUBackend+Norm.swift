import CSimd
import Tensors

extension CPUBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let (work, epsilon) = (
            try NormWork(operation.x, gain: operation.gain, operation.transport, into: operation.output, self, "rmsNorm"), operation.epsilon
        )
        try perform(reads: work.reads) { [workers, kernels] in
            workers.ranges(work.rows, cost: 2 * work.channels) { range, _ in
                withUnsafePointer(to: work.transport) {
                    kernels.pointee.rms_norm(
                        work.x, work.isHalf, work.gain, epsilon, $0, work.channels, range.lowerBound, range.upperBound, work.output,
                        work.givesHalf)
                }
            }
        }
    }

    public func layerNorm(_ operation: LayerNormOperation) throws {
        let name = "layerNorm"
        let work = try NormWork(operation.x, gain: operation.gain, operation.transport, into: operation.output, self, name)
        let (bias, epsilon) = (try operation.bias.map { UnsafePointer(try floats(of: $0, name)) }, operation.epsilon)
        try perform(reads: work.reads) { [workers, kernels] in
            workers.ranges(work.rows, cost: 2 * work.channels) { range, _ in
                withUnsafePointer(to: work.transport) {
                    kernels.pointee.layer_norm(
                        work.x, work.isHalf, work.gain, bias, epsilon, $0, work.channels, range.lowerBound, range.upperBound, work.output,
                        work.givesHalf)
                }
            }
        }
    }
}

/// What a norm reads and writes.
private struct NormWork {
    let x: UnsafeMutableRawPointer
    let gain: UnsafePointer<Float>?
    let transport: monge_transport
    let output: UnsafeMutableRawPointer
    let rows, channels: Int
    let isHalf, givesHalf: Bool

    init(
        _ x: Tensor, gain: Tensor?, _ transport: TransportApplication?, into output: Tensor, _ backend: CPUBackend, _ operation: String
    ) throws {
        self.x = try backend.place(of: x, operation)
        self.gain = try gain.map { UnsafePointer(try backend.floats(of: $0, operation)) }
        self.transport = try backend.applied(transport, on: x.shape, operation)
        self.output = try backend.place(of: output, operation)
        (rows, channels) = (x.shape.rows, x.shape.channels)
        (isHalf, givesHalf) = (x.dtype == .f16, output.dtype == .f16)
    }

    var reads: CPURecording.Reads { CPURecording.Reads(gain: gain, transport, rows: rows, channels: channels) }
}
