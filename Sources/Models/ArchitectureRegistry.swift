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

    /// `model_type` of a folder's `config.json`, `general.architecture` of a GGUF file.
    let name: String
    /// The classes that `architectures` of a folder may name.
    let classNames: [String]
    let folder: FolderLoader
    /// Nil when GGUF files do not hold this family under its name.
    let gguf: GGUFLoader?
}

/// The architectures that Monge runs: to add one, write a file that defines it and a line here.
enum ArchitectureRegistry {
    static let languageModels: [LanguageArchitecture] = [.llama, .mistral, .qwen2]

    /// The architecture of a folder, by what its `config.json` calls itself.
    ///
    /// - Throws: ``ModelError`` when it is none of those known, or another kind of model of a known family, such as a classifier.
    static func languageModel(of folder: HuggingFaceFolder) throws -> LanguageArchitecture {
        let type = try folder.config.string("model_type")
        guard let architecture = languageModels.first(where: { $0.name == type }) else {
            throw ModelError.unknownArchitecture(type, known: languageModels.map(\.name))
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
            throw ModelError.unknownArchitecture(name, known: known.map(\.name))
        }
        return load
    }
}
