import ModelFiles
import Tensors

/// Finds the model code for a file.
public enum LanguageModels {
    /// Opens the model of a GGUF file.
    ///
    /// - Parameters:
    ///   - cache: The type of keys and values, f32 or f16; nil for that of the activations.
    ///   - activations: What norms write and products read, f32 or f16; nil for what suits the device.
    /// - Throws: ``ModelError`` for an architecture that is not known, a setting that Monge does not obey, or a configuration that does not fit
    ///   its tensors, and `ModelFileError` for a damaged file.
    public static func load(
        _ file: GGUFFile, cache: DType? = nil, activations: DType? = nil, on backend: any Backend
    ) throws -> any LanguageModel {
        try ArchitectureRegistry.languageModel(of: file)(file, LanguageModelOptions(cache: cache, activations: activations), backend)
    }

    /// Opens the model of a Hugging Face folder.
    /// - Parameters:
    ///   - cache: The type of keys and values, f32 or f16; nil for that of the activations.
    ///   - activations: What norms write and products read, f32 or f16; nil for what suits the device.
    public static func load(
        _ folder: HuggingFaceFolder, cache: DType? = nil, activations: DType? = nil, on backend: any Backend
    ) throws -> any LanguageModel {
        try ArchitectureRegistry.languageModel(of: folder)
            .folder(folder, LanguageModelOptions(cache: cache, activations: activations), backend)
    }
}
