import CSimd
import Tensors

extension CPUBackend {
    public func rmsNorm(_ operation: RMSNormOperation) throws {
        let name = "rmsNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let (isHalf, givesHalf) = (operation.x.dtype == .f16, operation.output.dtype == .f16)
        let x = try place(of: operation.x, name)
        let gain = UnsafePointer(try floats(of: operation.gain, name))
        let epsilon = operation.epsilon
        let output = try place(of: operation.output, name)
        let transport = try applied(operation.transport, on: operation.x.shape, name)
        try perform(reads: reads(gain, transport, rows: rows, channels: channels)) { [workers, kernels] in
            workers.ranges(rows, cost: 2 * channels) { range, _ in
                withUnsafePointer(to: transport) {
                    kernels.pointee.rms_norm(
                        x, isHalf, gain, epsilon, $0, channels, range.lowerBound, range.upperBound, output, givesHalf)
                }
            }
        }
    }

    public func layerNorm(_ operation: LayerNormOperation) throws {
        let name = "layerNorm"
        let (rows, channels) = (operation.x.shape.rows, operation.x.shape.channels)
        let (isHalf, givesHalf) = (operation.x.dtype == .f16, operation.output.dtype == .f16)
        let x = try place(of: operation.x, name)
        let gain = try operation.gain.map { UnsafePointer(try floats(of: $0, name)) }
        let bias = try operation.bias.map { UnsafePointer(try floats(of: $0, name)) }
        let epsilon = operation.epsilon
        let output = try place(of: operation.output, name)
        let transport = try applied(operation.transport, on: operation.x.shape, name)
        try perform(reads: reads(gain, transport, rows: rows, channels: channels)) { [workers, kernels] in
            workers.ranges(rows, cost: 2 * channels) { range, _ in
                withUnsafePointer(to: transport) {
                    kernels.pointee.layer_norm(
                        x, isHalf, gain, bias, epsilon, $0, channels, range.lowerBound, range.upperBound, output, givesHalf)
                }
            }
        }
    }

    /// What a norm reads that is worth asking for ahead: of many rows, gain and map are little beside their arithmetic.
    private func reads(_ gain: UnsafePointer<Float>?, _ transport: monge_transport, rows: Int, channels: Int) -> CPURecording.Reads {
        guard rows <= 32 else { return CPURecording.Reads() }
        let bytes = gain == nil ? 0 : channels * MemoryLayout<Float>.stride
        return CPURecording.Reads(gain: monge_stretch(start: UInt(bitPattern: gain), bytes: bytes), transport: transport)
    }
}
