import ModelFiles
import Tensors

/// Finds the model code for a file.
public enum LanguageModels {
    /// Opens the model of a GGUF file.
    ///
    /// - Parameter cache: The type of keys and values, f32 or f16.
    /// - Throws: ``ModelError`` for an architecture that is not known, a setting that Monge does not obey, or a configuration that does not fit
    ///   its tensors, and `ModelFileError` for a damaged file.
    public static func load(_ file: GGUFFile, cache: DType = .f32, on backend: any Backend) throws -> any LanguageModel {
        try ArchitectureRegistry.languageModel(of: file)(file, LanguageModelOptions(cache: cache), backend)
    }

    /// Opens the model of a Hugging Face folder.
    /// - Parameter cache: The type of keys and values, f32 or f16.
    public static func load(_ folder: HuggingFaceFolder, cache: DType = .f32, on backend: any Backend) throws -> any LanguageModel {
        try ArchitectureRegistry.languageModel(of: folder).folder(folder, LanguageModelOptions(cache: cache), backend)
    }
}
