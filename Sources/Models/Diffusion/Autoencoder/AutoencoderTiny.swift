import ModelFiles
import Tensors

/// A small autoencoder that stands in for a large one (TAESD, Bohan 2023).
///
/// It reads like `AutoencoderTiny` of diffusers.
public final class AutoencoderTiny: Autoencoder {
    public let backend: any Backend
    public let givesDistributions = false
    public let latentChannels: Int
    public let reduction: Int
    private let scale: Float
    private let encoder, decoder: [Layer]

    private enum Layer {
        case convolution(ConvolutionLayer, stride: Int)
        case relu
        /// Three convolutions whose result is added to the input, with a ReLU behind each.
        case block([ConvolutionLayer])
        /// Each pixel twice along both axes.
        case upsampling
    }

    /// Reads `vae/config.json` as `AutoencoderTiny` of diffusers does: every setting is obeyed or refused by name.
    package convenience init(_ document: JSONDocument, weights: some TensorFile, on backend: any Backend) throws {
        try self.init(
            document, weights: FileWeights(weights), in: ComponentStore(WeightStore(on: backend), "vae", quantisation: .none))
    }

    init(_ document: JSONDocument, weights: any WeightSource, in store: ComponentStore) throws {
        backend = store.backend
        let settings = SettingsReader(document)
        let extents = 1...1 << 16
        try settings.requireClass("AutoencoderTiny")
        func levels(_ channelsKey: String, _ blocksKey: String, _ usual: [Int]) throws -> [(channels: Int, blocks: Int)] {
            let channels = try settings.integers(ifPresent: channelsKey, in: extents) ?? [64, 64, 64, 64]
            let blocks = try settings.integers(ifPresent: blocksKey, in: 0...4096) ?? usual
            guard channels.count == blocks.count, Set(channels).count == 1 else {
                throw ModelError.invalidConfiguration("\(channelsKey) \(channels) does not fit \(blocksKey) \(blocks)")
            }
            return zip(channels, blocks).map { ($0, $1) }
        }
        let down = try levels("encoder_block_out_channels", "num_encoder_blocks", [1, 3, 3, 3])
        let up = try levels("decoder_block_out_channels", "num_decoder_blocks", [3, 3, 3, 1])
        guard down.count == up.count else {
            throw ModelError.invalidConfiguration("the encoder has \(down.count) levels, the decoder \(up.count)")
        }
        let pictureChannels = try settings.integer(ifPresent: "in_channels", in: extents) ?? 3
        let outputChannels = try settings.integer(ifPresent: "out_channels", in: extents) ?? 3
        latentChannels = try settings.integer(ifPresent: "latent_channels", in: extents) ?? 4
        scale = try settings.number(ifPresent: "scaling_factor", in: 1e-6...1e6) ?? 1
        reduction = 1 << (down.count - 1)
        // What scale_latents of diffusers does with these is no part of encoding or decoding.
        settings.ignore(["latent_magnitude", "latent_shift", "block_out_channels", "force_upcast", "sample_size"])
        try settings.refuse([
            .string("act_fn", "relu", meaning: "the activation of Monge's small autoencoder is relu"),
            .string("upsample_fn", "nearest", meaning: "another way to double the size"),
            .number("upsampling_scaling_factor", 2, meaning: "another factor than 2"),
            .number("shift_factor", 0, meaning: "a shift of the latents"),
        ])
        try settings.finish()
        let m = ModuleLoader(weights, sitePath: nil, register: SiteRegister(), in: store)
        encoder = try Self.encoder(m["encoder"], down, inputs: pictureChannels, outputs: latentChannels)
        decoder = try Self.decoder(m["decoder"], up, inputs: latentChannels, outputs: outputChannels)
        try weights.refuseUnused(architecture: "AutoencoderTiny")
    }

    private static func block(_ m: ModuleLoader, _ channels: Int) throws -> Layer {
        .block(try [0, 2, 4].map { try m["conv", $0].convolution(channels, channels, kernel: 3) })
    }

    private static func encoder(_ m: ModuleLoader, _ levels: [(channels: Int, blocks: Int)], inputs: Int, outputs: Int) throws -> [Layer] {
        var layers: [Layer] = []
        for (index, level) in levels.enumerated() {
            let convolution = try m["layers", layers.count].convolution(
                index == 0 ? inputs : level.channels, level.channels, kernel: 3, bias: index == 0)
            layers.append(.convolution(convolution, stride: index == 0 ? 1 : 2))
            for _ in 0..<level.blocks { layers.append(try block(m["layers", layers.count], level.channels)) }
        }
        let last = try m["layers", layers.count].convolution(levels.last!.channels, outputs, kernel: 3)
        return layers + [.convolution(last, stride: 1)]
    }

    private static func decoder(_ m: ModuleLoader, _ levels: [(channels: Int, blocks: Int)], inputs: Int, outputs: Int) throws -> [Layer] {
        var layers: [Layer] = [
            .convolution(try m["layers", 0].convolution(inputs, levels[0].channels, kernel: 3), stride: 1), .relu,
        ]
        for (index, level) in levels.enumerated() {
            let isLast = index == levels.count - 1
            for _ in 0..<level.blocks { layers.append(try block(m["layers", layers.count], level.channels)) }
            if !isLast { layers.append(.upsampling) }
            let convolution = try m["layers", layers.count].convolution(
                level.channels, isLast ? outputs : level.channels, kernel: 3, bias: isLast)
            layers.append(.convolution(convolution, stride: 1))
        }
        return layers
    }

    private func run(_ layers: [Layer], _ x: Tensor, on backend: any Backend) throws -> Tensor {
        var (x, upsampling) = (x, 1)
        for layer in layers {
            switch layer {
            case .convolution(let convolution, let stride):
                x = try convolution(x, stride: stride, upsampling: upsampling, on: backend)
                upsampling = 1
            case .relu: x = try backend.activation(x, .relu)
            case .block(let convolutions):
                let inner = try convolutions[1](convolutions[0](x, activation: .relu, on: backend), activation: .relu, on: backend)
                x = try backend.activation(convolutions[2](inner, residual: x, on: backend), .relu)
            // A convolution follows, which takes it on.
            case .upsampling: upsampling = 2
            }
        }
        return x
    }

    /// The same whatever the noise: this autoencoder gives no distribution.
    public func encode(_ pictures: Tensor, noise: Tensor?, on backend: any Backend) throws -> Tensor {
        let latents = try run(encoder, backend.scale(pictures, by: 0.5, plus: 0.5), on: backend)
        return scale == 1 ? latents : try backend.scale(latents, by: scale)
    }

    public func decode(_ latents: Tensor, on backend: any Backend) throws -> Tensor {
        let bounded = try backend.activation(backend.scale(latents, by: 1 / scale / 3), .tanh)
        return try backend.scale(run(decoder, backend.scale(bounded, by: 3), on: backend), by: 2, plus: -1)
    }
}
