import Foundation
import ModelFiles

extension HuggingFaceFolder {
    /// The tokenizer, from `tokenizer.json` and what `tokenizer_config.json`, `generation_config.json` and `config.json` say about the first
    /// and last tokens.
    public func tokenizer() throws(ModelFileError) -> any Tokenizer {
        let document = try JSONDocument(path: name + "/tokenizer.json")
        let settings = try tokenizerConfig()
        return try TokenizerRegistry.load(
            tokenizerJSON: document,
            beginOfSequence: specialToken(settings, "bos_token", "bos_token_id"),
            endOfSequence: specialToken(settings, "eos_token", "eos_token_id"), stopNumbers: endNumbers())
    }

    /// The tokens that end a text: one or several in `generation_config.json`, in `config.json`, or in both. What the tokenizer's settings
    /// call the end of a sequence is one, too.
    private func endNumbers() throws(ModelFileError) -> [Int] {
        let key = "eos_token_id"
        let path = name + "/generation_config.json"
        var sources = [config]
        if FileManager.default.fileExists(atPath: path) { sources.append(try JSONDocument(path: path)) }
        var numbers: [Int] = []
        for source in sources {
            guard let value = source.value(key) else { continue }
            guard let stated = value.integer.map({ [$0] }) ?? value.integers else {
                throw .wrongType(file: source.name, key: key, expected: "an integer or an array of them", found: value.typeDescription)
            }
            numbers += stated
        }
        return numbers
    }

    func tokenizerConfig() throws(ModelFileError) -> JSONDocument? {
        let path = name + "/tokenizer_config.json"
        return FileManager.default.fileExists(atPath: path) ? try JSONDocument(path: path) : nil
    }

    /// A token by its name in the tokenizer's settings, or else by its number in the model's.
    private func specialToken(
        _ settings: JSONDocument?, _ nameKey: String, _ numberKey: String
    ) throws(ModelFileError) -> TokenReference? {
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
    static func tokenName(_ settings: JSONDocument?, _ key: String) -> String? {
        settings?.value(key)?.string ?? settings?.value(key)?["content"]?.string
    }
}
