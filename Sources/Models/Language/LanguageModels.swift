import ModelFiles
import Tensors

/// Finds the model code for a file.
public enum LanguageModels {
    /// Opens the model of a GGUF file.
    ///
    /// - Parameter cache: The type of keys and values, f32 or f16.
    /// - Throws: ``ModelError`` for an architecture that is not known or a configuration that does not fit its tensors, and
    ///   `ModelFileError` for a damaged file.
    public static func load(_ file: GGUFFile, cache: DType = .f32, on backend: any Backend) throws -> any LanguageModel {
        let configuration = try LlamaConfiguration(file)
        return try Llama(configuration, weights: LlamaGGUFWeights(file: file, configuration: configuration), cache: cache, on: backend)
    }

    /// Opens the model of a Hugging Face folder.
    /// - Parameter cache: The type of keys and values, f32 or f16.
    public static func load(_ folder: HuggingFaceFolder, cache: DType = .f32, on backend: any Backend) throws -> any LanguageModel {
        try Llama(LlamaConfiguration(folder), weights: HuggingFaceWeights(folder: folder), cache: cache, on: backend)
    }
}

/// The tensors of a Hugging Face folder have the names the model code uses.
struct HuggingFaceWeights: WeightSource {
    let folder: HuggingFaceFolder

    func tensor(_ name: String) throws -> StoredWeight? {
        try folder.contains(tensor: name) ? StoredWeight(folder.tensor(name)) : nil
    }
}
