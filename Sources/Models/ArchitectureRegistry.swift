import ModelFiles
import Tensors

/// How a model is opened.
struct LanguageModelOptions: Sendable {
    /// The type of keys and values, f32 or f16; nil for that of the activations.
    var cache: DType?
    /// What norms write and products read, f32 or f16; nil for what suits the device.
    var activations: DType?
}

/// A family of language models: what files call it, and how they become a model.
struct LanguageArchitecture: Sendable {
    typealias FolderLoader = @Sendable (HuggingFaceFolder, LanguageModelOptions, any Backend) throws -> any LanguageModel
    typealias GGUFLoader = @Sendable (GGUFFile, LanguageModelOptions, any Backend) throws -> any LanguageModel

    /// `general.architecture` of a GGUF file.
    let name: String
    /// `model_type` of a folder's `config.json`.
    let modelType: String
    /// The classes that `architectures` of a folder may name.
    let classNames: [String]
    let folder: FolderLoader
    /// Nil when GGUF files do not hold this family under its name.
    let gguf: GGUFLoader?
}

/// The architectures that Monge runs: to add one, write a file that defines it and a line here.
enum ArchitectureRegistry {
    static let languageModels: [LanguageArchitecture] = [
        .gemma2, .gemma3, .gpt2, .llama, .mistral, .olmo2, .phi3, .qwen2, .qwen3, .smollm3,
    ]

    static let textEncoders: [TextEncoderFamily] = [.bert, .distilbert, .roberta, .xlmRoberta]

    /// The family of an encoder's folder, by what its `config.json` calls itself.
    static func textEncoder(of folder: HuggingFaceFolder) throws -> TextEncoderFamily {
        let type = try folder.config.string("model_type")
        guard let family = textEncoders.first(where: { $0.name == type }) else {
            throw ModelError.unsupported(
                "the folder holds a model of the type '\(type)'; encoders of texts that Monge runs are "
                    + textEncoders.map(\.name).joined(separator: ", "))
        }
        return family
    }

    /// The architecture of a folder, by what its `config.json` calls itself.
    ///
    /// - Throws: ``ModelError`` when it is none of those known, or another kind of model of a known family, such as a classifier.
    static func languageModel(of folder: HuggingFaceFolder) throws -> LanguageArchitecture {
        let type = try folder.config.string("model_type")
        guard let architecture = languageModels.first(where: { $0.modelType == type }) else {
            throw unknown(type, known: languageModels.map(\.modelType))
        }
        // Without a class the type decides, as in transformers.
        let classes = try folder.config.strings(ifPresent: "architectures") ?? []
        guard classes.isEmpty || classes.contains(where: architecture.classNames.contains) else {
            throw ModelError.notALanguageModel(
                "the folder holds a \(classes.joined(separator: ", ")), which is not a language model; "
                    + "Monge runs \(architecture.classNames.joined(separator: ", "))")
        }
        return architecture
    }

    /// The loader for a GGUF file, by what it calls itself.
    ///
    /// - Throws: ``ModelError`` when its architecture is none of those known, or it holds something else than a model, such as an adapter.
    static func languageModel(of file: GGUFFile) throws -> LanguageArchitecture.GGUFLoader {
        if let type = try file.string(ifPresent: "general.type"), type != "model" {
            throw ModelError.notALanguageModel("the file says that it holds a '\(type)', not a model")
        }
        let name = try file.string("general.architecture")
        let known = languageModels.filter { $0.gguf != nil }
        guard let load = known.first(where: { $0.name == name })?.gguf else {
            throw unknown(name, known: known.map(\.name))
        }
        return load
    }

    /// Mixtures of experts, by the names that folders and GGUF files have for them.
    private static let mixtures: Set<String> = [
        "arctic", "bailingmoe", "dbrx", "deepseek", "deepseek2", "deepseek_v2", "deepseek_v3", "dots1", "ernie4_5_moe", "ernie4_5-moe",
        "glm4_moe", "glm4moe", "gpt-oss", "gpt_oss", "granitemoe", "grok", "grovemoe", "hunyuan-moe", "jamba", "jetmoe", "llama4",
        "llama4_text", "mixtral", "olmoe", "phimoe", "qwen2_moe", "qwen2moe", "qwen3_moe", "qwen3moe", "qwen3_next", "qwen3next",
        "smallthinker",
    ]

    private static func unknown(_ name: String, known: [String]) -> ModelError {
        guard mixtures.contains(name) else { return .unknownArchitecture(name, known: known) }
        return .unsupported(
            "the model is a mixture of experts ('\(name)'), which Monge does not run; it runs dense models: \(known.joined(separator: ", "))"
        )
    }
}
