import ModelFiles
import Tensors

/// Stable Diffusion 1 and 2 (Rombach et al. 2022) and SDXL (Podell et al. 2023): CLIP's text encoders, a UNet and an autoencoder.
public final class StableDiffusion: DiffusionModel {
    /// What tells SDXL from its predecessors, beyond the sizes of networks.
    public enum Family: String, Sendable {
        case stableDiffusion = "stable-diffusion"
        case xl = "stable-diffusion-xl"
    }

    public let family: Family
    public let weights: WeightStore
    public let autoencoder: any Autoencoder
    public let activations: DType
    public let sites: [Site]
    public let fingerprint: String
    public let zeroesAbsentNegative: Bool
    package let textEncoders: [CLIPTextEncoder]
    package let unet: UNet
    private let register: SiteRegister

    public var backend: any Backend { weights.backend }
    public var architecture: String { family.rawValue }
    public var takesGuidance: Bool { unet.configuration.guidanceChannels != nil }
    public var usualGuidance: Float { family == .xl ? 5 : 7.5 }
    public var sizeStep: Int { autoencoder.reduction }
    public var usualSize: PictureSize {
        let side = unet.configuration.sampleSize * autoencoder.reduction
        return PictureSize(width: side, height: side)
    }

    /// - Parameter register: What all components were loaded with, in the order in which they run.
    init(
        _ family: Family, textEncoders: [CLIPTextEncoder], unet: UNet, autoencoder: any Autoencoder, weights: WeightStore,
        zeroesAbsentNegative: Bool, register: SiteRegister, activations: DType
    ) throws {
        self.family = family
        self.weights = weights
        self.textEncoders = textEncoders
        self.unet = unet
        self.autoencoder = autoencoder
        self.activations = activations
        self.zeroesAbsentNegative = zeroesAbsentNegative
        self.register = register
        sites = register.sites
        fingerprint = register.fingerprint
        let c = unet.configuration
        guard c.inputChannels == autoencoder.latentChannels else {
            let kind = c.inputChannels == 2 * autoencoder.latentChannels + 1 ? ": it is an inpainting model" : ""
            throw ModelError.unsupported(
                "the UNet takes \(c.inputChannels) channels where the autoencoder's latents have \(autoencoder.latentChannels)\(kind); Monge "
                    + "draws from texts")
        }
        guard c.outputChannels == c.inputChannels else {
            throw ModelError.unsupported("the UNet gives \(c.outputChannels) channels for \(c.inputChannels), a variance among them")
        }
        let width = textEncoders.map(\.configuration.channels).reduce(0, +)
        if let other = c.textChannels.first(where: { $0 != width }) {
            throw ModelError.invalidConfiguration("the UNet attends to texts of \(other) channels, the text encoders give \(width)")
        }
    }

    public var sketch: WeightSketch? { get throws { try register.sketch() } }

    /// The most tokens of a text, by encoder.
    public var textLengths: [Int] { textEncoders.map(\.configuration.positions) }

    public func encode(_ texts: [PromptTokens], on backend: any Backend) throws -> any EncodingPass {
        precondition(texts.allSatisfy { $0.byEncoder.count == textEncoders.count }, "tokens for each encoder")
        return try StableDiffusionEncoding(
            family, textEncoders, textEncoders.indices.map { encoder in texts.map { $0.byEncoder[encoder] } }, on: backend)
    }

    public func denoise(
        _ latents: Tensor, timesteps: Tensor, _ conditioning: DenoisingConditioning, on backend: any Backend
    ) throws -> any DenoisingPass {
        try UNetPass(unet, unet.begin(latents, timesteps: timesteps, conditioning, on: backend))
    }
}

/// One pass through a UNet.
private final class UNetPass: DenoisingPass {
    private let unet: UNet
    private var state: UNetState

    init(_ unet: UNet, _ state: UNetState) throws {
        self.unet = unet
        self.state = state
    }

    var tensors: [Tensor] {
        get { state.tensors }
        set { state.tensors = newValue }
    }

    var output: Tensor { state.hidden }

    func advance(context: ForwardContext) throws -> Bool { try unet.advance(&state, context: context) }
}

/// One pass through the text encoders, one after the other.
private final class StableDiffusionEncoding: EncodingPass {
    private let family: StableDiffusion.Family
    private let encoders: [CLIPTextEncoder]
    private let backend: any Backend
    private var states: [CLIPTextEncoder.State]
    private var current = 0

    init(
        _ family: StableDiffusion.Family, _ encoders: [CLIPTextEncoder], _ texts: [[[Int32]]], on backend: any Backend
    ) throws {
        self.family = family
        self.encoders = encoders
        self.backend = backend
        states = try zip(encoders, texts).map { try $0.begin($1, on: backend) }
    }

    var tensors: [Tensor] {
        get { states.flatMap(\.tensors) }
        set {
            var rest = newValue[...]
            for index in states.indices {
                let count = states[index].tensors.count
                states[index].tensors = Array(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
        }
    }

    func advance(context: ForwardContext) throws -> Bool {
        if try !encoders[current].advance(&states[current], context: context) { current += 1 }
        return current < encoders.count
    }

    func conditioning(for size: PictureSize) throws -> DenoisingConditioning {
        let encodings = try zip(encoders, states).map { try $0.finish($1, on: backend) }
        guard family == .xl else { return DenoisingConditioning(text: encodings[0].last) }
        let text = try backend.concat(encodings.map(\.penultimate), axis: -1)
        // The size of the picture that it is thought to be cut from, the corner of the cut, and its own size.
        let (height, width) = (Float(size.height), Float(size.width))
        let sizes = [[Float]](repeating: [height, width, 0, 0, height, width], count: text.shape[0]).flatMap { $0 }
        return DenoisingConditioning(text: text, pooledText: encodings.last?.projected, sizes: sizes)
    }
}
