import CSimd
import Tensors

extension CPUBackend {
    /// Moments of each channel over stretches of pixels, the affine map of each channel from them in Float64, and one pass that applies it.
    public func groupNorm(_ operation: GroupNormOperation) throws {
        try requireRepetition()
        let name = "groupNorm"
        let moments = try ChannelMoments(operation.x, images: operation.images, self, name)
        var scales = GroupScales(operation, moments)
        try scales.addGainAndBias(operation, name)
        let isMean = operation.transport?.spatial == .channelMean
        if isMean, let transport = operation.transport {
            try scales.addShifts(ChannelShifts(transport, on: operation.x.shape, name), moments)
        }

        var work = monge_channelwise()
        work.half_x = operation.x.dtype == .f16
        work.x = UnsafeRawPointer(try operation.x.hostPointer(name))
        work.pixels = operation.pixels
        work.channels = operation.channels
        work.transport = try monge_transport(isMean ? nil : operation.transport, on: operation.x.shape, name)
        work.maps_first = operation.mapsFirst
        work.activation = operation.activation.kernelActivation
        work.residual = try operation.residual.map { UnsafeRawPointer(try $0.hostPointer(name)) }
        work.half_residual = operation.residual?.dtype == .f16
        work.half_output = operation.output.dtype == .f16
        work.output = try operation.output.hostPointer(name)
        scales.withPointers { mean, scale, offset in
            work.mean = mean
            work.scale = scale
            work.offset = offset
            apply(work, rows: operation.images * operation.pixels)
        }
    }
}

/// What a groupNorm does to each channel of each image: `(x − mean)·scale + offset`.
private struct GroupScales {
    private let images, channels: Int
    private var mean, scale, offset: [Float]

    init(_ operation: GroupNormOperation, _ moments: ChannelMoments) {
        (images, channels) = (operation.images, operation.channels)
        mean = [Float](repeating: 0, count: images * channels)
        (scale, offset) = (mean, mean)
        for first in stride(from: 0, to: images * channels, by: operation.groupChannels) {
            let group = first..<first + operation.groupChannels
            let all = moments.columns[group].reduce(into: Moments(), +=)
            let inverse = 1 / (all.squares / all.count + Double(operation.epsilon)).squareRoot()
            for place in group { (mean[place], scale[place]) = (Float(all.mean), Float(inverse)) }
        }
    }

    mutating func addGainAndBias(_ operation: GroupNormOperation, _ name: String) throws {
        let gain = try operation.gain?.hostFloats(name)
        let bias = try operation.bias?.hostFloats(name)
        for place in scale.indices {
            if let gain { scale[place] *= gain[place % channels] }
            if let bias { offset[place] = bias[place % channels] }
        }
    }

    /// The norm is affine in x: so is the mean of its result over the pixels. A shift of all pixels of a channel is one of its offset.
    mutating func addShifts(_ shifts: ChannelShifts, _ moments: ChannelMoments) {
        for image in 0..<images {
            for channel in 0..<channels {
                let place = image * channels + channel
                let z = (moments.columns[place].mean - Double(mean[place])) * Double(scale[place]) + Double(offset[place])
                let shift = shifts(z, image: image, channel: channel)
                // Without one the offset stays what it is bit for bit: −0 + 0 would be 0.
                if shift != 0 { offset[place] += shift }
            }
        }
    }

    func withPointers(
        _ body: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>) throws -> Void
    ) rethrows {
        try mean.withUnsafeBufferPointer { mean in
            try scale.withUnsafeBufferPointer { scale in
                try offset.withUnsafeBufferPointer { offset in
                    try body(mean.baseAddress!, scale.baseAddress!, offset.baseAddress!)
                }
            }
        }
    }
}
