import ModelFiles
import Tensors

/// How a text-to-image model is opened.
public struct DiffusionModelOptions: Sendable {
    /// What norms write and products read, f32 or f16; nil for what suits the device.
    public var activations: DType?
    /// Which weights of a folder, such as `fp16`; nil for the plain ones, or the only ones.
    public var variant: String?

    public init(activations: DType? = nil, variant: String? = nil) {
        self.activations = activations
        self.variant = variant
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
