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

    /// The tokens that end a text when transformers generates: one or several in `generation_config.json`, or else in `config.json`. What
    /// the tokenizer's settings call the end of a sequence is one, too.
    private func endNumbers() throws(ModelFileError) -> [Int] {
        let key = "eos_token_id"
        let path = name + "/generation_config.json"
        var source = config
        if FileManager.default.fileExists(atPath: path) {
            let generation = try JSONDocument(path: path)
            if generation.value(key) != nil { source = generation }
        }
        guard let value = source.value(key) else { return [] }
        guard let numbers = value.integer.map({ [$0] }) ?? value.integers else {
            throw .wrongType(file: source.name, key: key, expected: "an integer or an array of them", found: value.typeDescription)
        }
        return numbers
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
    private static func tokenName(_ settings: JSONDocument?, _ key: String) -> String? {
        settings?.value(key)?.string ?? settings?.value(key)?["content"]?.string
    }
}
