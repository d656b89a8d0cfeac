import ModelFiles
import Tensors

/// A text as each of a model's encoders reads it: a list of tokens for every encoder, padded to the length that it takes.
public struct PromptTokens: Sendable, Equatable {
    public var byEncoder: [[Int32]]

    public init(byEncoder: [[Int32]]) { self.byEncoder = byEncoder }
}

/// The size of a picture in pixels.
public struct PictureSize: Sendable, Hashable, CustomStringConvertible {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    public var description: String { "\(width)×\(height)" }
}

/// What denoises for a text: the encoders' results.
public protocol EncodingPass: StagedPass {
    /// Of a pass whose stages are all done, for pictures of a size.
    func conditioning(for size: PictureSize) throws -> DenoisingConditioning
}

/// One step's pass through the network that denoises.
public protocol DenoisingPass: StagedPass {
    /// Of a pass whose stages are all done: `[images, height, width, channels]` f32.
    var output: Tensor { get }
}

/// A text-to-image model on a backend: encoders of texts, a network that denoises latents, and an autoencoder between latents and pictures.
///
/// Forward passes are sequences of stages, so that they can wait between two of them while other batches catch up.
public protocol DiffusionModel: SteerableModel {
    var autoencoder: any Autoencoder { get }
    /// The matrices and kernels of all components.
    var weights: WeightStore { get }
    /// The most tokens of a text, by encoder.
    var textLengths: [Int] { get }
    /// The type of what products read, f32 or f16.
    var activations: DType { get }
    /// The size that the model was trained on.
    var usualSize: PictureSize { get }
    /// What a multiple of both sides of a picture must be.
    var sizeStep: Int { get }
    /// The scale of guidance where none is asked for.
    var usualGuidance: Float { get }
    /// Whether guidance is an input of the network rather than a second pass without the text.
    var takesGuidance: Bool { get }
    /// Whether the absence of a negative prompt is zeros in the place of the encoders' results, rather than an empty text.
    var zeroesAbsentNegative: Bool { get }

    /// Whether noise levels are spread evenly from 1 before the scheduler moves them, as FLUX wants it.
    var spreadsNoiseEvenly: Bool { get }
    /// The tokens that a transformer has for a picture, by which a scheduler may move its noise levels; nil where there are none.
    func imageTokens(for size: PictureSize) -> Int?

    /// Begins to encode texts.
    /// - Parameter backend: The model's own, or one to rehearse on.
    func encode(_ texts: [PromptTokens], on backend: any Backend) throws -> any EncodingPass

    /// Begins a step.
    /// - Parameters:
    ///   - latents: `[images, height, width, channels]` f32.
    ///   - timesteps: `[images]` f32.
    ///   - backend: The model's own, or one to rehearse on.
    func denoise(
        _ latents: Tensor, timesteps: Tensor, _ conditioning: DenoisingConditioning, on backend: any Backend
    ) throws -> any DenoisingPass
}

extension DiffusionModel {
    public var spreadsNoiseEvenly: Bool { false }
    public func imageTokens(for size: PictureSize) -> Int? { nil }

    public func encode(_ texts: [PromptTokens]) throws -> any EncodingPass { try encode(texts, on: backend) }

    /// Begins a step at the same timestep for all images.
    /// - Parameter other: A backend to rehearse on; nil for the model's own.
    public func denoise(
        _ latents: Tensor, timestep: Float, _ conditioning: DenoisingConditioning, on other: (any Backend)? = nil
    ) throws -> any DenoisingPass {
        let backend = other ?? self.backend
        let timesteps = try backend.upload([Float](repeating: timestep, count: latents.shape[0]))
        return try denoise(latents, timesteps: timesteps, conditioning, on: backend)
    }

    public var weightStore: WeightStore? { weights }

    /// What pictures of a size ask of a scheduler.
    package func samplingRequest(steps: Int, skipping: Int = 0, size: PictureSize) -> SamplingRequest {
        SamplingRequest(steps: steps, skipping: skipping, imageTokens: imageTokens(for: size), evenNoiseLevels: spreadsNoiseEvenly)
    }
}

extension DenoisingConditioning {
    /// Of the same texts without meaning: zeros.
    public func zeroed(on backend: any Backend) throws -> DenoisingConditioning {
        var result = self
        result.text = try backend.clamp(text, from: 0, to: 0)
        result.pooledText = try pooledText.map { try backend.clamp($0, from: 0, to: 0) }
        return result
    }

    /// The images of some conditionings one after the other.
    public static func joined(_ parts: [DenoisingConditioning], on backend: any Backend) throws -> DenoisingConditioning {
        guard parts.count > 1 else { return parts[0] }
        var result = parts[0]
        result.text = try backend.concat(parts.map(\.text), axis: 0)
        result.pooledText = try result.pooledText == nil ? nil : backend.concat(parts.map { $0.pooledText! }, axis: 0)
        result.sizes = parts.flatMap(\.sizes)
        return result
    }
}
