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

extension HuggingFaceFolder {
    /// The tokenizer, from `tokenizer.json` and what `tokenizer_config.json` and `config.json` say about the first and last token.
    public func tokenizer() throws(ModelFileError) -> Tokenizer {
        let document = try JSONDocument(path: name + "/tokenizer.json")
        let settings = try tokenizerConfig()
        return try Tokenizer(
            tokenizerJSON: document,
            beginOfSequence: specialToken(settings, "bos_token", "bos_token_id"),
            endOfSequence: specialToken(settings, "eos_token", "eos_token_id"))
    }

    /// The layout of conversations, from `chat_template.jinja` or `tokenizer_config.json`.
    public func chatTemplate() throws(ModelFileError) -> ChatTemplate {
        let settings = try tokenizerConfig()
        let path = name + "/chat_template.jinja"
        let template: String
        if FileManager.default.fileExists(atPath: path) {
            let file = try MappedFile(path: path)
            guard let text = withExtendedLifetime(file, { String(validating: file.bytes, as: UTF8.self) }) else {
                throw .malformed(file: path, detail: "is not UTF-8")
            }
            template = text
        } else if let text = HuggingFaceFolder.template(settings?.value("chat_template")) {
            template = text
        } else {
            throw .withoutChatTemplate(name)
        }
        return try ChatTemplate(
            recognising: template, beginOfSequence: HuggingFaceFolder.tokenName(settings, "bos_token"),
            endOfSequence: HuggingFaceFolder.tokenName(settings, "eos_token"), file: name)
    }

    /// The template in the settings: a string, or the one named `default` of several.
    private static func template(_ value: JSONValue?) -> String? {
        value?.string ?? value?.array?.first { $0["name"]?.string == "default" }?["template"]?.string
    }

    private func tokenizerConfig() throws(ModelFileError) -> JSONDocument? {
        let path = name + "/tokenizer_config.json"
        return FileManager.default.fileExists(atPath: path) ? try JSONDocument(path: path) : nil
    }

    /// A token by its name in the tokenizer's settings, or else by its number in the model's.
    private func specialToken(
        _ settings: JSONDocument?, _ nameKey: String, _ numberKey: String
    ) throws(ModelFileError) -> Tokenizer.Reference? {
        if let text = HuggingFaceFolder.tokenName(settings, nameKey) { return .name(text) }
        switch config.value(numberKey) {
        case nil: return nil
        case .integer(let number): return .number(number)
        // Several tokens end a text for some models: the first is the end of the sequence.
        case .array(let numbers): return numbers.first?.integer.map { .number($0) }
        default: throw .wrongType(file: config.name, key: numberKey, expected: "an integer", found: "something else")
        }
    }

    /// The name of a token, which settings give as a string or as an object with the string under `content`.
    private static func tokenName(_ settings: JSONDocument?, _ key: String) -> String? {
        settings?.value(key)?.string ?? settings?.value(key)?["content"]?.string
    }
}
