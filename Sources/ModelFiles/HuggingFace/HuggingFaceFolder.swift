import Foundation

/// A model's folder as Hugging Face lays it out: `config.json`, the weights in one or several safetensors files, the tokenizer.
public final class HuggingFaceFolder: TensorFile {
    /// The path, for messages.
    public let name: String
    /// `config.json`.
    public let config: JSONDocument
    /// The weights' files; one for a model that is not sharded.
    public let shards: [SafetensorsFile]
    private let shardIndices: [String: Int]

    private static let weights = "model.safetensors"
    private static let index = "model.safetensors.index.json"

    /// Opens a folder.
    ///
    /// The weights are `model.safetensors`, or else the files that `model.safetensors.index.json` names.
    /// - Throws: ``ModelFileError`` when the configuration or the weights are missing or broken, or the index and its shards disagree.
    public init(path: String) throws(ModelFileError) {
        name = path
        config = try JSONDocument(path: path + "/config.json")
        let weightsPath = path + "/" + HuggingFaceFolder.weights
        if FileManager.default.fileExists(atPath: weightsPath) {
            let file = try SafetensorsFile(path: weightsPath)
            shards = [file]
            shardIndices = Dictionary(file.tensorNames.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
        } else {
            let indexPath = path + "/" + HuggingFaceFolder.index
            guard FileManager.default.fileExists(atPath: indexPath) else {
                throw .inaccessible(file: path, detail: "has neither \(HuggingFaceFolder.weights) nor \(HuggingFaceFolder.index)")
            }
            (shards, shardIndices) = try HuggingFaceFolder.openShards(JSONDocument(path: indexPath), folder: path)
        }
    }

    public var tensorNames: [String] { shards.flatMap(\.tensorNames) }
    public func contains(tensor name: String) -> Bool { shardIndices[name] != nil }

    public func tensor(_ name: String) throws(ModelFileError) -> FileTensor {
        guard let shard = shardIndices[name] else { throw .missingTensor(file: self.name, tensor: name) }
        return try shards[shard].tensor(name)
    }

    private static func openShards(
        _ index: JSONDocument, folder: String
    ) throws(ModelFileError) -> ([SafetensorsFile], [String: Int]) {
        guard let map = index.root["weight_map"]?.object else {
            throw .missingKey(file: index.name, key: "weight_map", expected: "an object")
        }
        var files: [SafetensorsFile] = []
        var numbers: [String: Int] = [:]
        var shardIndices: [String: Int] = [:]
        for member in map.members {
            guard let file = member.value.string, !file.contains("/"), file != "..", !file.isEmpty else {
                throw .malformed(file: index.name, detail: "the tensor '\(member.key)' is not in a file of this folder")
            }
            let number: Int
            if let known = numbers[file] {
                number = known
            } else {
                number = files.count
                numbers[file] = number
                files.append(try SafetensorsFile(path: folder + "/" + file))
            }
            guard files[number].contains(tensor: member.key) else {
                throw .malformed(file: index.name, detail: "the tensor '\(member.key)' is said to be in \(file), but is not")
            }
            shardIndices[member.key] = number
        }
        // What a shard holds beyond the index is reachable too, unless two shards hold it.
        for (number, file) in files.enumerated() {
            for name in file.tensorNames {
                if let other = shardIndices.updateValue(number, forKey: name), other != number {
                    throw .malformed(file: index.name, detail: "the tensor '\(name)' is in two files")
                }
            }
        }
        return (files, shardIndices)
    }
}
