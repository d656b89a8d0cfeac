import Tensors

/// A residual block and the transformer behind it, which not every block of the network has.
struct UNetLayer {
    let resnet: ResnetBlock
    let transformer: SpatialTransformer?

    var stages: [UNet.Stage] {
        let resnetStages: [UNet.Stage] = [
            { s, context in s.inner = try resnet.inner(s.hidden, time: s.time, context) },
            { s, context in
                s.hidden = try resnet.outer(s.inner!, residual: s.hidden, context)
                s.inner = nil
            },
            { s, context in s.hidden = try context.visit(s.hidden, at: resnet.site) },
        ]
        return resnetStages + (transformer?.stages ?? [])
    }
}

/// A block of the way down: its layers, then half the size. It reads like `CrossAttnDownBlock2D` and `DownBlock2D` of diffusers.
struct UNetDownBlock {
    let layers: [UNetLayer]
    let downsampler: ConvolutionLayer?
    let downsamplerSite, site: Site?

    var stages: [UNet.Stage] {
        let keep: UNet.Stage = { s, _ in s.skips.append(s.hidden) }
        var stages = layers.flatMap { $0.stages + [keep] }
        if let downsampler {
            stages += [
                { s, context in s.hidden = try downsampler(s.hidden, stride: 2, on: context.backend) },
                { s, context in s.hidden = try context.visit(s.hidden, at: downsamplerSite) }, keep,
            ]
        }
        return stages + [{ s, context in s.hidden = try context.visit(s.hidden, at: site) }]
    }
}

/// The block at the bottom: a residual block, and transformers with one more behind each. It reads like `UNetMidBlock2DCrossAttn` of
/// diffusers, and without transformers like its `UNetMidBlock2D`.
struct UNetMidBlock {
    let layers: [UNetLayer]
    let site: Site?

    var stages: [UNet.Stage] { layers.flatMap(\.stages) + [{ s, context in s.hidden = try context.visit(s.hidden, at: site) }] }
}

/// A block of the way up: each layer sees what the way down kept, then comes twice the size. It reads like `CrossAttnUpBlock2D` and
/// `UpBlock2D` of diffusers.
struct UNetUpBlock {
    let layers: [UNetLayer]
    let upsampler: ConvolutionLayer?
    let upsamplerSite, site: Site?

    var stages: [UNet.Stage] {
        let take: UNet.Stage = { s, context in
            s.hidden = try context.backend.concat([s.hidden, s.skips.removeLast()], axis: -1)
        }
        var stages = layers.flatMap { [take] + $0.stages }
        if let upsampler {
            stages += [
                { s, context in s.hidden = try upsampled(s.hidden, to: s.skips.last!.shape, upsampler, context.backend) },
                { s, context in s.hidden = try context.visit(s.hidden, at: upsamplerSite) },
            ]
        }
        return stages + [{ s, context in s.hidden = try context.visit(s.hidden, at: site) }]
    }

    /// Twice the size, or one less where halving rounded up on the way down.
    private func upsampled(_ x: Tensor, to shape: Shape, _ convolution: ConvolutionLayer, _ backend: any Backend) throws -> Tensor {
        if shape[1] == 2 * x.shape[1], shape[2] == 2 * x.shape[2] { return try convolution(x, upsampling: 2, on: backend) }
        return try convolution(backend.upsample(x, height: shape[1], width: shape[2], .nearest), on: backend)
    }
}
