import Foundation
import Tensors

/// A model's folder as Hugging Face lays it out: `config.json`, the weights in one or several safetensors files, the tokenizer.
public final class HuggingFaceFolder: TensorFile {
    /// The path, for messages.
    public let name: String
    /// `config.json`.
    public let config: JSONDocument
    private let weights: SafetensorsShards

    /// Opens a folder.
    ///
    /// The weights are `model.safetensors`, or else the files that `model.safetensors.index.json` names.
    /// - Throws: ``ModelFileError`` when the configuration or the weights are missing or broken, or the index and its shards disagree.
    public init(path: String) throws(ModelFileError) {
        name = path
        config = try JSONDocument(path: path + "/config.json")
        weights = try SafetensorsShards(folder: path, stem: "model")
    }

    /// The weights' files; one for a model that is not sharded.
    public var shards: [SafetensorsFile] { weights.files }

    public var tensorNames: [String] { weights.tensorNames }
    public func contains(tensor name: String) -> Bool { weights.contains(tensor: name) }
    public func tensor(_ name: String) throws(ModelFileError) -> FileTensor { try weights.tensor(name) }
    public func layout(_ name: String) throws(ModelFileError) -> (dtype: DType, shape: Shape) { try weights.layout(name) }
}
