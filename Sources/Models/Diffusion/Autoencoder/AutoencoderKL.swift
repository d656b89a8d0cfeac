import Foundation
import Tensors

/// The autoencoder of Stable Diffusion, SDXL and FLUX (Kingma & Welling 2014; Esser et al. 2021).
///
/// It reads like `AutoencoderKL` of diffusers.
public final class AutoencoderKL: Autoencoder {
    public let configuration: AutoencoderConfiguration
    public let backend: any Backend
    private let encoder: Encoder
    private let decoder: Decoder
    private let afterEncoder, beforeDecoder: ConvolutionLayer?
    private let activations: DType

    public let givesDistributions = true
    public var latentChannels: Int { configuration.latentChannels }
    public var reduction: Int { configuration.reduction }

    /// - Parameter activations: f32 or f16; a model that outgrows f16 has f32 whatever is asked for.
    init(_ c: AutoencoderConfiguration, weights: any WeightSource, activations: DType, in store: ComponentStore) throws {
        configuration = c
        backend = store.backend
        self.activations = c.needsSinglePrecision ? .f32 : activations
        let m = ModuleLoader(weights, sitePath: nil, register: SiteRegister(), in: store)
        encoder = try Encoder(m["encoder"], c)
        decoder = try Decoder(m["decoder"], c)
        afterEncoder =
            c.convolvesAfterEncoder ? try m["quant_conv"].convolution(2 * c.latentChannels, 2 * c.latentChannels, kernel: 1) : nil
        beforeDecoder =
            c.convolvesBeforeDecoder ? try m["post_quant_conv"].convolution(c.latentChannels, c.latentChannels, kernel: 1) : nil
        try weights.refuseUnused(architecture: "AutoencoderKL")
    }

    public func encode(_ pictures: Tensor, noise: Tensor?, on backend: any Backend) throws -> Tensor {
        var x = try encoder(pictures, as: activations, ForwardContext(backend: backend))
        if let afterEncoder { x = try afterEncoder(x, on: backend) }
        let mean = try backend.slice(x, axis: -1, 0..<latentChannels)
        guard let noise else { return try scaled(mean, on: backend) }
        // Once a picture: the host does it.
        let logarithms = try backend.readFloats(backend.slice(x, axis: -1, latentChannels..<2 * latentChannels))
        let deviations = try backend.upload(logarithms.map { exp(0.5 * min(max($0, -30), 20)) }, mean.shape)
        return try scaled(backend.multiplyAdd(deviations, by: noise, plus: mean), on: backend)
    }

    private func scaled(_ latents: Tensor, on backend: any Backend) throws -> Tensor {
        try backend.scale(latents, by: configuration.scale, plus: -configuration.shift * configuration.scale)
    }

    public func decode(_ latents: Tensor, on backend: any Backend) throws -> Tensor {
        var x = try backend.scale(latents, by: 1 / configuration.scale, plus: configuration.shift)
        if let beforeDecoder { x = try beforeDecoder(x, on: backend) }
        return try decoder(x, as: activations, ForwardContext(backend: backend))
    }
}

/// The way to latents: at each level some residual blocks, then half the size.
private struct Encoder {
    let input, output: ConvolutionLayer
    let levels: [(blocks: [ResnetBlock], downsampler: ConvolutionLayer?)]
    let middle: AutoencoderMiddle
    let norm: GroupNormLayer

    init(_ m: ModuleLoader, _ c: AutoencoderConfiguration) throws {
        input = try m["conv_in"].convolution(c.inputChannels, c.channels[0], kernel: 3)
        var inputs = c.channels[0]
        levels = try c.channels.enumerated().map { index, channels in
            let level = m["down_blocks", index]
            let blocks = try (0..<c.layers).map { block in
                defer { inputs = channels }
                return try ResnetBlock(
                    level["resnets", block], inputs: inputs, outputs: channels, timeChannels: nil, groups: c.groups, epsilon: 1e-6)
            }
            let downsampler =
                index == c.channels.count - 1 ? nil : try level["downsamplers.0"]["conv"].convolution(channels, channels, kernel: 3)
            return (blocks, downsampler)
        }
        middle = try AutoencoderMiddle(m["mid_block"], c)
        norm = try m["conv_norm_out"].groupNorm(c.channels.last!, groups: c.groups, epsilon: 1e-6)
        output = try m["conv_out"].convolution(c.channels.last!, 2 * c.latentChannels, kernel: 3)
    }

    func callAsFunction(_ x: Tensor, as activations: DType, _ context: ForwardContext) throws -> Tensor {
        let backend = context.backend
        var x = try input(x, as: activations, on: backend)
        for level in levels {
            for block in level.blocks { x = try block(x, context) }
            // Zeros below and on the right only.
            if let downsampler = level.downsampler {
                x = try downsampler(x, stride: 2, padding: ConvolutionPadding(bottom: 1, right: 1), on: backend)
            }
        }
        x = try middle(x, context)
        return try output(norm(x, activation: .silu, context), as: .f32, on: backend)
    }
}

/// The way back: at each level some residual blocks, then twice the size.
private struct Decoder {
    let input, output: ConvolutionLayer
    let levels: [(blocks: [ResnetBlock], upsampler: ConvolutionLayer?)]
    let middle: AutoencoderMiddle
    let norm: GroupNormLayer

    init(_ m: ModuleLoader, _ c: AutoencoderConfiguration) throws {
        var inputs = c.channels.last!
        input = try m["conv_in"].convolution(c.latentChannels, inputs, kernel: 3)
        middle = try AutoencoderMiddle(m["mid_block"], c)
        levels = try c.channels.reversed().enumerated().map { index, channels in
            let level = m["up_blocks", index]
            let blocks = try (0...c.layers).map { block in
                defer { inputs = channels }
                return try ResnetBlock(
                    level["resnets", block], inputs: inputs, outputs: channels, timeChannels: nil, groups: c.groups, epsilon: 1e-6)
            }
            let upsampler =
                index == c.channels.count - 1 ? nil : try level["upsamplers.0"]["conv"].convolution(channels, channels, kernel: 3)
            return (blocks, upsampler)
        }
        norm = try m["conv_norm_out"].groupNorm(c.channels[0], groups: c.groups, epsilon: 1e-6)
        output = try m["conv_out"].convolution(c.channels[0], c.outputChannels, kernel: 3)
    }

    func callAsFunction(_ x: Tensor, as activations: DType, _ context: ForwardContext) throws -> Tensor {
        let backend = context.backend
        var x = try middle(input(x, as: activations, on: backend), context)
        for level in levels {
            for block in level.blocks { x = try block(x, context) }
            if let upsampler = level.upsampler { x = try upsampler(x, upsampling: 2, on: backend) }
        }
        return try output(norm(x, activation: .silu, context), as: .f32, on: backend)
    }
}

/// The middle of either way: two residual blocks with attention of one head between them. It reads like `UNetMidBlock2D` of diffusers.
private struct AutoencoderMiddle {
    let first, second: ResnetBlock
    let attention: (norm: GroupNormLayer, layer: AttentionLayer)?

    init(_ m: ModuleLoader, _ c: AutoencoderConfiguration) throws {
        let channels = c.channels.last!
        func block(_ index: Int) throws -> ResnetBlock {
            try ResnetBlock(
                m["resnets", index], inputs: channels, outputs: channels, timeChannels: nil, groups: c.groups, epsilon: 1e-6)
        }
        first = try block(0)
        attention =
            c.attends
            ? (
                try m["attentions.0"]["group_norm"].groupNorm(channels, groups: c.groups, epsilon: 1e-6),
                try AttentionLayer(
                    m["attentions.0"], channels: channels, memoryChannels: channels, heads: 1, bias: true, SegmentCache())
            ) : nil
        second = try block(1)
    }

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) throws -> Tensor {
        var x = try first(x, context)
        if let attention {
            let tokens: Shape = [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]
            x = try attention.layer(
                attention.norm(x, context).reshaped(tokens), residual: x.reshaped(tokens), context
            ).reshaped(x.shape)
        }
        return try second(x, context)
    }
}
