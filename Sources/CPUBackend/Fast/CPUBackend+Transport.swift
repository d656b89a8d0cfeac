import CSimd
import Tensors

extension CPUBackend {
    public func transport(_ operation: TransportOperation) throws {
        let name = "transport"
        var operands = FloatOperands(memory, name, workers: workers)
        let x = try operands.input(operation.x)
        let output = try operands.output(operation.output)
        switch operation.transport.spatial {
        case .pointwise:
            let transport = try monge_transport(operation.transport, on: operation.x.shape, name)
            let activation = operation.activation.kernelActivation
            workers.ranges(operation.x.shape.rows, cost: 4 * operation.x.shape.channels) { range, _ in
                withUnsafePointer(to: transport) {
                    kernels.pointee.transport($0, x, activation, range.lowerBound, range.upperBound, output)
                }
            }
        case .channelMean: try shiftChannels(operation, x, output)
        }
        try operands.finish()
    }

    /// The means of each channel of each image, and the shifts that follow from them.
    private func shiftChannels(
        _ operation: TransportOperation, _ x: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>
    ) throws {
        let name = "transport"
        let (images, pixels, channels) = (operation.x.shape.images, operation.pixels, operation.x.shape.channels)
        let shifts = try ChannelShifts(operation.transport, on: operation.x.shape, name)
        let moments = try ChannelMoments(x, images: images, pixels: pixels, channels: channels, self, name)
        let shift = moments.columns.enumerated().map { shifts($1.mean, image: $0 / channels, channel: $0 % channels) }
        shift.withUnsafeBufferPointer { shift in
            // Ranges of pixels of one image after the other.
            for image in 0..<images {
                workers.ranges(pixels, cost: 3 * channels) { range, _ in
                    let start = (image * pixels + range.lowerBound) * channels
                    kernels.pointee.shift_rows(
                        x + start, shift.baseAddress! + image * channels, operation.activation.kernelActivation, range.count, channels,
                        output + start)
                }
            }
        }
    }
}
