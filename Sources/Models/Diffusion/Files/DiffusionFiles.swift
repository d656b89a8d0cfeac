import ModelFiles

/// Where the components of a text-to-image model come from: their classes, their settings, their weights and their tokenizers, whatever the files.
public protocol DiffusionFiles: Sendable {
    /// What messages call them.
    var name: String { get }
    /// The settings of the pipeline, as a diffusers folder's `model_index.json` has them.
    var index: JSONDocument { get }
    /// The class of a component; nil when there is none.
    func componentClass(_ component: String) -> String?
    /// The settings of a component.
    /// - Parameter file: `config.json`, or `scheduler_config.json`.
    func settings(_ component: String, file: String) throws -> JSONDocument
    /// The weights of a component under the names that diffusers and transformers give them.
    /// - Parameter variant: Which weights of a folder, such as `fp16`.
    func componentWeights(_ component: String, variant: String?) throws -> ComponentWeights
    /// Where a tokenizer is, `tokenizer` or `tokenizer_2`.
    func tokenizerFiles(_ tokenizer: String) throws -> TokenizerFiles
}

/// What a tokenizer is read from.
public enum TokenizerFiles: Sendable {
    case folder(String)
    /// A file of an encoder that brings its tokenizer along.
    case gguf(GGUFFile)
}

/// The weights of a component, wherever they come from.
public struct ComponentWeights {
    let source: any WeightSource
    /// Leaves tensors out of the account.
    let ignore: ([String]) -> Void

    init(_ weights: FileWeights) {
        source = weights
        ignore = weights.ignore
    }

    init(_ weights: CheckpointWeights) {
        source = weights
        ignore = weights.ignore
    }
}

extension DiffusionFiles {
    /// The pipeline's class, such as `StableDiffusionPipeline`.
    public var className: String {
        get throws { try index.string("_class_name") }
    }

    func settings(_ component: String) throws -> JSONDocument { try settings(component, file: "config.json") }

    /// - Throws: ``ModelError`` when the index names another class for a component, or none.
    func require(_ component: String, _ classes: [String]) throws {
        guard let found = componentClass(component) else {
            throw ModelError.unsupported("\(name): model_index.json names no \(component)")
        }
        guard classes.contains(found) else {
            throw ModelError.unsupported(
                "\(name): \(component) is a \(found) in model_index.json; Monge knows \(classes.joined(separator: ", ")) there")
        }
    }
}

extension DiffusersFolder: DiffusionFiles {
    public func componentWeights(_ component: String, variant: String?) throws -> ComponentWeights {
        ComponentWeights(FileWeights(try weights(component, variant: variant)))
    }

    public func tokenizerFiles(_ tokenizer: String) throws -> TokenizerFiles { .folder(path(tokenizer)) }
}
