import Tensors

/// Why a file does not make a model.
public enum ModelError: Error, Equatable, CustomStringConvertible {
    case unknownArchitecture(String, known: [String])
    /// The file holds something else than a language model, for example a classifier or an adapter.
    case notALanguageModel(String)
    case missingTensor(String)
    /// The file holds tensors that the model would not use, so that it would compute something else than the file means.
    case unusedTensors([String], architecture: String)
    case wrongShape(name: String, found: Shape, expected: Shape)
    case invalidConfiguration(String)
    /// A setting changes what the model computes, and Monge does not obey it. `meaning` is nil for a setting that is not known.
    case unsupportedSetting(key: String, value: String, meaning: String?)
    /// A token that the embedding has no row for.
    case tokenOutOfRange(Int, vocabulary: Int)
    case unsupported(String)

    public var description: String {
        switch self {
        case .unknownArchitecture(let name, let known):
            "the model's architecture is '\(name)'; Monge runs \(known.joined(separator: ", "))"
        case .notALanguageModel(let detail): detail
        case .missingTensor(let name): "the model file has no tensor \(name)"
        case .unusedTensors(let names, let architecture):
            "the file holds \(names.count == 1 ? "a tensor" : "\(names.count) tensors") that a \(architecture) model does not use "
                + "(\(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : "")): it is another kind of model, and would be run wrongly"
        case .wrongShape(let name, let found, let expected):
            "tensor \(name) has shape \(found); its configuration asks for \(expected)"
        case .invalidConfiguration(let detail): "the model's configuration is not usable: \(detail)"
        case .unsupportedSetting(let key, let value, let meaning):
            "the model's setting \(key) is \(value), which Monge does not obey"
                + (meaning.map { ": \($0)" } ?? "; it is not among those that Monge knows")
        case .tokenOutOfRange(let token, let vocabulary):
            "the text has the token \(token), but the model's embedding has only \(vocabulary) rows: leave its text out"
        case .unsupported(let detail): detail
        }
    }
}
