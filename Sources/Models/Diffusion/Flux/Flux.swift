import ModelFiles
import Tensors

/// FLUX.1 (Black Forest Labs, 2024): CLIP's text encoder for the text as one vector, T5's for its tokens, a transformer and an autoencoder.
public final class Flux: DiffusionModel {
    public let weights: WeightStore
    public let autoencoder: any Autoencoder
    public let activations: DType
    public let sites: [Site]
    public let fingerprint: String
    package let vectorEncoder: CLIPTextEncoder
    package let tokenEncoder: T5Encoder
    package let transformer: FluxTransformer
    private let register: SiteRegister

    public static let architecture = "flux"
    public var backend: any Backend { weights.backend }
    public var architecture: String { Self.architecture }
    public var takesGuidance: Bool { transformer.configuration.takesGuidance }
    /// Of the model that is distilled with it; the other takes none.
    public var usualGuidance: Float { takesGuidance ? 3.5 : 1 }
    public var zeroesAbsentNegative: Bool { false }
    public var sizeStep: Int { autoencoder.reduction * FluxConfiguration.patch }
    public var usualSize: PictureSize {
        let side = Self.usualLatentSide * autoencoder.reduction
        return PictureSize(width: side, height: side)
    }

    public var spreadsNoiseEvenly: Bool { true }
    public func imageTokens(for size: PictureSize) -> Int? { size.width / sizeStep * (size.height / sizeStep) }

    private static let usualLatentSide = 128

    /// - Parameter register: What all components were loaded with, in the order in which they run.
    init(
        vectorEncoder: CLIPTextEncoder, tokenEncoder: T5Encoder, transformer: FluxTransformer, autoencoder: any Autoencoder,
        weights: WeightStore, register: SiteRegister, activations: DType
    ) throws {
        self.weights = weights
        self.vectorEncoder = vectorEncoder
        self.tokenEncoder = tokenEncoder
        self.transformer = transformer
        self.autoencoder = autoencoder
        self.activations = activations
        self.register = register
        sites = register.sites
        fingerprint = register.fingerprint
        let c = transformer.configuration
        let patch = FluxConfiguration.patch * FluxConfiguration.patch
        guard c.inputChannels == autoencoder.latentChannels * patch else {
            throw ModelError.unsupported(
                "the transformer takes patches of \(c.inputChannels) channels, where the autoencoder's latents have "
                    + "\(autoencoder.latentChannels): it is made for filling in, or for control by another picture; Monge draws from texts")
        }
        guard c.pooledChannels == vectorEncoder.configuration.channels, c.textChannels == tokenEncoder.configuration.channels else {
            throw ModelError.invalidConfiguration(
                "the transformer takes texts of \(c.pooledChannels) and \(c.textChannels) channels, the text encoders give "
                    + "\(vectorEncoder.configuration.channels) and \(tokenEncoder.configuration.channels)")
        }
    }

    public var sketch: WeightSketch? { get throws { try register.sketch() } }

    /// T5 reads texts of any length; FLUX was trained on at most this many tokens, or half as many where it is distilled to few steps.
    private var tokenEncoderLength: Int { takesGuidance ? 512 : 256 }

    public var textLengths: [Int] { [vectorEncoder.configuration.positions, tokenEncoderLength] }

    public func encode(_ texts: [PromptTokens], on backend: any Backend) throws -> any EncodingPass {
        precondition(texts.allSatisfy { $0.byEncoder.count == 2 }, "tokens for each encoder")
        return try FluxEncoding(
            vectorEncoder, tokenEncoder, texts.map { $0.byEncoder[0] }, texts.map { $0.byEncoder[1] }, activations, on: backend)
    }

    public func denoise(
        _ latents: Tensor, timesteps: Tensor, _ conditioning: DenoisingConditioning, on backend: any Backend
    ) throws -> any DenoisingPass {
        FluxPass(transformer, try transformer.begin(latents, timesteps: timesteps, conditioning, on: backend), on: backend)
    }
}

/// One pass through the transformer.
private final class FluxPass: DenoisingPass {
    private let transformer: FluxTransformer
    private var state: FluxState
    private let backend: any Backend
    private var result: Tensor?

    init(_ transformer: FluxTransformer, _ state: FluxState, on backend: any Backend) {
        self.transformer = transformer
        self.state = state
        self.backend = backend
    }

    var tensors: [Tensor] {
        get { state.tensors }
        set { state.tensors = newValue }
    }

    var output: Tensor { result! }

    func advance(context: ForwardContext) throws -> Bool {
        let isDone = try !transformer.advance(&state, context: context)
        if isDone { result = try transformer.finish(state, on: backend) }
        return !isDone
    }
}

/// One pass through the text encoders, one after the other.
private final class FluxEncoding: EncodingPass {
    private let vectorEncoder: CLIPTextEncoder
    private let tokenEncoder: T5Encoder
    private let backend: any Backend
    private let activations: DType
    private var vector: CLIPTextEncoder.State
    private var tokens: T5Encoder.State
    private var isVectorDone = false

    init(
        _ vectorEncoder: CLIPTextEncoder, _ tokenEncoder: T5Encoder, _ vectorTexts: [[Int32]], _ tokenTexts: [[Int32]],
        _ activations: DType, on backend: any Backend
    ) throws {
        self.vectorEncoder = vectorEncoder
        self.tokenEncoder = tokenEncoder
        self.activations = activations
        self.backend = backend
        vector = try vectorEncoder.begin(vectorTexts, on: backend)
        tokens = try tokenEncoder.begin(tokenTexts, on: backend)
    }

    var tensors: [Tensor] {
        get { vector.tensors + tokens.tensors }
        set {
            let count = vector.tensors.count
            vector.tensors = Array(newValue.prefix(count))
            tokens.tensors = Array(newValue.dropFirst(count))
        }
    }

    func advance(context: ForwardContext) throws -> Bool {
        if !isVectorDone {
            isVectorDone = try !vectorEncoder.advance(&vector, context: context)
            return true
        }
        return try tokenEncoder.advance(&tokens, context: context)
    }

    func conditioning(for size: PictureSize) throws -> DenoisingConditioning {
        let text = activations == .f32 ? tokens.hidden : try backend.cast(tokens.hidden, to: activations)
        return DenoisingConditioning(text: text, pooledText: try vectorEncoder.pooled(vector, on: backend))
    }
}
