import Foundation
import ModelFiles
import Models
import Tensors
import Tokenizers

/// A language model with its tokenizer on a device: what is steered.
///
/// ```swift
/// let model = try Model.load("smollm2")
/// let map = try model.fit(source: ordinary, target: football, sites: [#".*layernorm"#, #"model\.norm"#])
/// print(try model.generate("Once upon a time", steering: [map.at(0.5)]))
/// ```
///
/// A model is used from one thread at a time.
public final class Model {
    public let language: any LanguageModel
    public let tokenizer: any Tokenizer
    /// The file or folder the model came from.
    public let url: URL
    private let template: () throws -> ChatTemplate

    public var backend: any Backend { language.backend }

    package init(language: any LanguageModel, tokenizer: any Tokenizer, url: URL, template: @escaping () throws -> ChatTemplate) {
        self.language = language
        self.tokenizer = tokenizer
        self.url = url
        self.template = template
    }

    /// Opens a model.
    ///
    /// - Parameters:
    ///   - nameOrPath: A GGUF file, a Hugging Face folder (config.json, safetensors, tokenizer.json), or a name from the cache.
    ///   - device: Where it runs; `$MONGE_DEVICE` or the best GPU or the CPU when nil.
    ///   - cache: The type of the key-value cache: f32, or f16 for half the memory; nil for that of the activations.
    ///   - activations: What norms write and products read: f32, or f16 for tensor cores; nil for what suits the device. The residual
    ///     stream, sums and logits are f32 in either case.
    ///   - precision: Of products with quantised weights: ``ProductPrecision/fast`` lets the device round activations.
    /// - Throws: ``MongeError``, `ModelFileError` or `ModelError` with a sentence that says what is wrong with the file.
    public static func load(
        _ nameOrPath: String, device: DeviceChoice? = nil, cache: DType? = nil, activations: DType? = nil,
        precision: ProductPrecision = .exact
    ) throws -> Model {
        let url = try ModelCatalogue.locate(nameOrPath)
        return try load(url, on: (device ?? .fromEnvironment()).open(precision: precision), cache: cache, activations: activations)
    }

    /// Opens a model on a backend that is already there.
    public static func load(
        _ url: URL, on backend: any Backend, cache: DType? = nil, activations: DType? = nil
    ) throws -> Model {
        try ModelKind.require(url)
        if url.isFolder {
            let folder = try HuggingFaceFolder(path: url.path)
            return Model(
                language: try LanguageModels.load(folder, cache: cache, activations: activations, on: backend),
                tokenizer: try folder.tokenizer(), url: url,
                template: { try folder.chatTemplate() })
        } else {
            let file = try GGUFFile(path: url.path)
            try file.requireModel()
            return Model(
                language: try LanguageModels.load(file, cache: cache, activations: activations, on: backend),
                tokenizer: try TokenizerRegistry.load(file), url: url,
                template: { try ChatTemplate(file) })
        }
    }

    /// The layout of the model's chats.
    /// - Throws: `ModelFileError` when the model has none, or one that is not known.
    public func chatTemplate() throws -> ChatTemplate { try template() }
}
