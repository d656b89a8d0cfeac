import ModelFiles
import Tensors

/// The denoising network of Stable Diffusion (Rombach et al. 2022) and SDXL (Podell et al. 2023): convolutions at several sizes, with skip
/// connections between the way down and the way up, and transformers that attend to the text.
///
/// It reads like `UNet2DConditionModel` of diffusers, and its sites have that code's module paths.
public final class UNet: StagedNetwork {
    package typealias State = UNetState

    public let configuration: UNetConfiguration
    private let time: TimeConditioning
    package let stages: [Stage]
    /// The type of activations, f32 or f16. The result is f32.
    private let activations: DType

    init(_ configuration: UNetConfiguration, _ m: ModuleLoader, activations: DType) throws {
        let c = try configuration.validated()
        self.configuration = c
        self.activations = activations
        m.register.add(extents: [c.inputChannels, c.outputChannels, c.textChannels[0]] + c.levels.flatMap { [$0.channels, $0.layers] })
        time = try TimeConditioning(c, m)
        let segments = SegmentCache()
        let convolutionIn = try m["conv_in"].convolution(c.inputChannels, c.levels[0].channels, kernel: c.inputKernel)
        let convolutionInSite = m["conv_in"].site(c.levels[0].channels)
        let builder = UNetBuilder(c, m, segments)
        let down = try builder.downBlocks()
        let middle = try builder.midBlock()
        let up = try builder.upBlocks()
        let normOut = try m["conv_norm_out"].groupNorm(c.levels[0].channels, groups: c.groups, epsilon: c.normEpsilon)
        let convolutionOut = try m["conv_out"].convolution(c.levels[0].channels, c.outputChannels, kernel: c.outputKernel)
        let convolutionOutSite = m["conv_out"].site(c.outputChannels)
        let enter: [Stage] = [
            { s, context in s.hidden = try convolutionIn(s.hidden, as: activations, on: context.backend) },
            { s, context in
                s.hidden = try context.visit(s.hidden, at: convolutionInSite)
                s.skips = [s.hidden]
            },
        ]
        let leave: [Stage] = [
            { s, context in
                let normed = try normOut(s.hidden, activation: .silu, context)
                s.hidden = try convolutionOut(normed, as: .f32, on: context.backend)
            },
            { s, context in s.hidden = try context.visit(s.hidden, at: convolutionOutSite) },
        ]
        stages = time.stages + enter + down.flatMap(\.stages) + (middle?.stages ?? []) + up.flatMap(\.stages) + leave
    }

    /// The state before the first stage.
    /// - Parameters:
    ///   - latents: `[images, height, width, channels]` f32.
    ///   - timesteps: `[images]` f32.
    public func begin(_ latents: Tensor, timesteps: Tensor, _ conditioning: DenoisingConditioning, on backend: any Backend) throws
        -> UNetState
    {
        var conditioning = conditioning
        if conditioning.text.dtype != activations { conditioning.text = try backend.cast(conditioning.text, to: activations) }
        let embedded = try time.embedding(of: timesteps, conditioning, images: latents.shape[0], on: backend)
        return UNetState(hidden: latents, time: embedded, conditioning: conditioning)
    }

    /// What the network predicts of the noise in latents: `[images, height, width, channels]` f32.
    public func callAsFunction(
        _ latents: Tensor, timestep: Float, _ conditioning: DenoisingConditioning, _ context: ForwardContext
    ) throws -> Tensor {
        let timesteps = try context.backend.upload([Float](repeating: timestep, count: latents.shape[0]))
        return try run(begin(latents, timesteps: timesteps, conditioning, on: context.backend), context: context).hidden
    }
}
