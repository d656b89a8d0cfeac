import ModelFiles
import Tensors

/// The denoising network of FLUX.1 (Black Forest Labs, 2024): a transformer over tokens of text and patches of latents, first in two streams, then in
/// one.
///
/// It reads like `FluxTransformer2DModel` of diffusers, and its sites have that code's module paths: after each block `:0` is the text and `:1` the
/// image, as newer versions have it for all blocks.
public final class FluxTransformer: StagedNetwork {
    package typealias State = FluxState

    public let configuration: FluxConfiguration
    private let imageEmbedding, textEmbedding, outputLinear: LinearLayer
    private let time: FluxConditioning
    package let stages: [Stage]
    private let activations: DType

    init(_ c: FluxConfiguration, _ m: ModuleLoader, activations: DType) throws {
        configuration = c
        self.activations = activations
        m.register.add(extents: [
            c.inputChannels, c.doubleLayers, c.singleLayers, c.heads, c.headChannels, c.textChannels, c.pooledChannels,
        ])
        time = try FluxConditioning(m["time_text_embed"], c)
        textEmbedding = try m["context_embedder"].linear(c.textChannels, c.channels)
        imageEmbedding = try m["x_embedder"].linear(c.inputChannels, c.channels)
        let attention = FluxAttention(positions: FluxPositions(axes: c.axes), segments: SegmentCache())
        let doubles = try (0..<c.doubleLayers).map {
            try FluxDoubleBlock(m["transformer_blocks", $0], c, attention, activations: activations)
        }
        let singles = try (0..<c.singleLayers).map {
            try FluxSingleBlock(m["single_transformer_blocks", $0], c, attention, activations: activations)
        }
        let modulation = try FluxModulation(m["norm_out"], channels: c.channels, count: 2)
        let outputLinear = try m["proj_out"].linear(c.channels, c.outputChannels)
        self.outputLinear = outputLinear
        stages = doubles.flatMap(Self.stages) + singles.flatMap(Self.stages) + [Self.last(modulation, outputLinear, activations)]
    }

    private static func stages(of block: FluxDoubleBlock) -> [Stage] {
        [
            { s, context in (s.text, s.image) = try block(text: s.text, image: s.image, s.conditioning, grid: s.grid, on: context.backend) }
        ] + visits(block.sites)
    }

    private static func stages(of block: FluxSingleBlock) -> [Stage] {
        [
            { s, context in
                let together = try context.backend.concat([s.text, s.image], axis: 1)
                let result = try block(together, s.conditioning, grid: s.grid, on: context.backend)
                let parts = try context.backend.split(result, axis: 1, into: [s.text.shape[1], s.image.shape[1]])
                (s.text, s.image) = (parts[0], parts[1])
            }
        ] + visits(block.sites)
    }

    private static func visits(_ sites: [Site]) -> [Stage] {
        guard sites.count == 2 else { return [] }
        return [
            { s, context in s.text = try context.visit(s.text, at: sites[0]) },
            { s, context in s.image = try context.visit(s.image, at: sites[1]) },
        ]
    }

    /// Back to patches of latents.
    private static func last(_ modulation: FluxModulation, _ linear: LinearLayer, _ activations: DType) -> Stage {
        { s, context in
            let backend = context.backend
            let m = try modulation(s.conditioning, on: backend)
            let normed = try backend.modulate(backend.layerNorm(s.image, epsilon: 1e-6), scale: m[0], shift: m[1], as: activations)
            s.image = try linear(normed, as: .f32, on: backend)
        }
    }

    /// The state before the first stage.
    /// - Parameters:
    ///   - latents: `[images, height, width, channels]` f32, both sides even.
    ///   - timesteps: `[images]` f32, 0 to 1000.
    public func begin(_ latents: Tensor, timesteps: Tensor, _ conditioning: DenoisingConditioning, on backend: any Backend) throws
        -> FluxState
    {
        let (images, height, width, channels) = (latents.shape[0], latents.shape[1], latents.shape[2], latents.shape[3])
        guard let pooled = conditioning.pooledText else {
            throw ModelError.invalidConfiguration("FLUX takes the text as a vector, too, and was given none")
        }
        let grid = (height: height / FluxConfiguration.patch, width: width / FluxConfiguration.patch)
        guard height % FluxConfiguration.patch == 0, width % FluxConfiguration.patch == 0,
            channels * FluxConfiguration.patch * FluxConfiguration.patch == configuration.inputChannels
        else {
            throw ModelError.invalidConfiguration(
                "latents of \(height) × \(width) × \(channels) are no patches of \(configuration.inputChannels) channels")
        }
        // [images · rows, within a patch, columns, within a patch, channels] to channels before the places within a patch.
        let cut = try latents.reshaped([images * grid.height, 2, grid.width, 2, channels])
        let packed = try backend.permute(cut, [0, 2, 4, 1, 3]).reshaped([images, grid.height * grid.width, configuration.inputChannels])
        let vector = try time(timesteps, guidance: conditioning.guidance, pooled: pooled, images: images, on: backend)
        return FluxState(
            text: try textEmbedding(conditioning.text, as: .f32, on: backend), image: try imageEmbedding(packed, as: .f32, on: backend),
            conditioning: vector, grid: grid)
    }

    /// The prediction of a pass whose stages are all done: `[images, height, width, channels]` f32.
    func finish(_ state: FluxState, on backend: any Backend) throws -> Tensor {
        let (images, grid) = (state.image.shape[0], state.grid)
        let channels = configuration.outputChannels / (FluxConfiguration.patch * FluxConfiguration.patch)
        let cut = try state.image.reshaped([images * grid.height, grid.width, channels, 2, 2])
        return try backend.permute(cut, [0, 3, 1, 4, 2]).reshaped([images, grid.height * 2, grid.width * 2, channels])
    }

    /// What the network predicts: noise − picture.
    public func callAsFunction(
        _ latents: Tensor, timestep: Float, _ conditioning: DenoisingConditioning, _ context: ForwardContext
    ) throws -> Tensor {
        let timesteps = try context.backend.upload([Float](repeating: timestep, count: latents.shape[0]))
        let state = try begin(latents, timesteps: timesteps, conditioning, on: context.backend)
        return try finish(run(state, context: context), on: context.backend)
    }
}

/// A ``FluxTransformer``'s forward pass between two stages.
public struct FluxState: StagedState {
    /// `[images, tokens, channels]` f32, both streams.
    var text, image: Tensor
    /// `[images, channels]`: timestep, guidance and text, after their activation.
    var conditioning: Tensor
    /// The rows and columns of the image's tokens.
    let grid: (height: Int, width: Int)
    package var stage = 0

    init(text: Tensor, image: Tensor, conditioning: Tensor, grid: (height: Int, width: Int)) {
        (self.text, self.image, self.conditioning, self.grid) = (text, image, conditioning, grid)
    }

    /// All that waits in device memory.
    package var tensors: [Tensor] {
        get { [text, image, conditioning] }
        set { (text, image, conditioning) = (newValue[0], newValue[1], newValue[2]) }
    }
}

/// What shifts, scales and gates in all blocks: the timestep, the scale of guidance and the text as one vector.
///
/// It reads like `CombinedTimestepGuidanceTextProjEmbeddings` of diffusers.
struct FluxConditioning {
    private let timestep, text: (first: LinearLayer, second: LinearLayer)
    private let guidance: (first: LinearLayer, second: LinearLayer)?
    private let pooledChannels: Int

    private static let frequencies = TimestepFrequencies(channels: 256)

    init(_ m: ModuleLoader, _ c: FluxConfiguration) throws {
        func perceptron(_ name: String, _ inputs: Int) throws -> (LinearLayer, LinearLayer) {
            (try m[name]["linear_1"].linear(inputs, c.channels), try m[name]["linear_2"].linear(c.channels, c.channels))
        }
        timestep = try perceptron("timestep_embedder", Self.frequencies.channels)
        guidance = c.takesGuidance ? try perceptron("guidance_embedder", Self.frequencies.channels) : nil
        text = try perceptron("text_embedder", c.pooledChannels)
        pooledChannels = c.pooledChannels
    }

    /// `[images, channels]` f32, after the activation that every block's modulation starts with.
    func callAsFunction(
        _ timesteps: Tensor, guidance scale: Float, pooled: Tensor, images: Int, on backend: any Backend
    ) throws -> Tensor {
        guard pooled.shape.channels == pooledChannels else {
            throw ModelError.invalidConfiguration(
                "the transformer takes \(pooledChannels) channels of pooled text; it was given \(pooled.shape.channels)")
        }
        func embedded(_ values: Tensor, _ layers: (first: LinearLayer, second: LinearLayer)) throws -> Tensor {
            let waves = try backend.timestepEmbedding(values, Self.frequencies)
            return try layers.second(layers.first(waves, activation: .silu, on: backend), on: backend)
        }
        var sum = try embedded(timesteps, timestep)
        if let guidance { sum = try backend.add(sum, embedded(backend.upload([Float](repeating: scale * 1000, count: images)), guidance)) }
        let projected = try text.second(text.first(pooled, activation: .silu, as: .f32, on: backend), on: backend)
        return try backend.activation(backend.add(sum, projected), .silu)
    }
}
