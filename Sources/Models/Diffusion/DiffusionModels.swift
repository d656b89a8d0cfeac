import ModelFiles
import Tensors

/// How a text-to-image model is opened.
public struct DiffusionModelOptions: Sendable {
    /// What norms write and products read, f32 or f16; nil for what suits the device.
    public var activations: DType?
    /// Which weights of a folder, such as `fp16`; nil for the plain ones, or the only ones.
    public var variant: String?
    /// What matrices and kernels are quantised to while they are loaded, `q8_0` or another type of `Quantiser.types`; nil for the types in which
    /// they are stored.
    ///
    /// Matrices whose rows are no multiple of 256 numbers have q5_0, q5_1 and q8_0 in the place of q4_K, q5_K and q6_K; kernels of convolutions
    /// have q8_0 whatever the type. Embeddings, norms, biases and the autoencoder stay as they are stored.
    public var weights: DType?

    public init(activations: DType? = nil, variant: String? = nil, weights: DType? = nil) {
        self.activations = activations
        self.variant = variant
        self.weights = weights
    }
}

/// Finds the model code for a text-to-image model's files.
public enum DiffusionModels {
    /// Opens a model.
    /// - Throws: ``ModelError`` for a pipeline that is not known, a setting that Monge does not obey, or a configuration that does not fit its
    ///   tensors, and `ModelFileError` for damaged files.
    public static func load(
        _ files: any DiffusionFiles, options: DiffusionModelOptions = DiffusionModelOptions(), on backend: any Backend
    ) throws -> any DiffusionModel {
        let name = try files.className
        if Flux.classNames.contains(name) { return try Flux(files, options, on: backend) }
        guard let family = StableDiffusion.classNames[name] else {
            throw ModelError.unknownArchitecture(name, known: (StableDiffusion.classNames.keys + Flux.classNames).sorted())
        }
        return try StableDiffusion(files, family, options, on: backend)
    }
}
