import Foundation
import ModelFiles

extension HuggingFaceFolder {
    /// The layout of conversations.
    ///
    /// In the order of `transformers`: `chat_template.jinja` with the named ones in `additional_chat_templates`, else the template or the
    /// named templates in `tokenizer_config.json`, else `chat_template.json`.
    /// - Throws: ``ModelFileError`` when there is none, or what is there is no text.
    public func chatTemplate() throws(ModelFileError) -> ChatTemplate {
        let settings = try tokenizerConfig()
        var sources = try templateFiles()
        if sources.isEmpty, let value = settings?.value("chat_template") {
            sources = try HuggingFaceFolder.templates(value, file: settings!.name)
        }
        let path = name + "/chat_template.json"
        if sources.isEmpty, FileManager.default.fileExists(atPath: path) {
            let document = try JSONDocument(path: path)
            guard let value = document.value("chat_template") else {
                throw .missingKey(file: path, key: "chat_template", expected: "a string")
            }
            sources = try HuggingFaceFolder.templates(value, file: path)
        }
        guard !sources.isEmpty else { throw .withoutChatTemplate(name) }
        return ChatTemplate(sources, specialTokens: try specialTokens(settings), file: name)
    }

    private func templateFiles() throws(ModelFileError) -> [String: String] {
        var sources: [String: String] = [:]
        let path = name + "/chat_template.jinja"
        if FileManager.default.fileExists(atPath: path) { sources["default"] = try HuggingFaceFolder.text(path) }
        let folder = name + "/additional_chat_templates"
        for file in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() where file.hasSuffix(".jinja") {
            sources[String(file.dropLast(".jinja".count))] = try HuggingFaceFolder.text(folder + "/" + file)
        }
        return sources
    }

    private static func text(_ path: String) throws(ModelFileError) -> String {
        let file = try MappedFile(path: path)
        guard let text = withExtendedLifetime(file, { String(validating: file.bytes, as: UTF8.self) }) else {
            throw .malformed(file: path, detail: "is not UTF-8")
        }
        return text
    }

    /// A template, or a list of `{name, template}`.
    private static func templates(_ value: JSONValue, file: String) throws(ModelFileError) -> [String: String] {
        if let source = value.string { return ["default": source] }
        var sources: [String: String] = [:]
        for entry in value.array ?? [value] {
            guard let name = entry["name"]?.string, let source = entry["template"]?.string else {
                throw .wrongType(
                    file: file, key: "chat_template", expected: "a string or a list of names with templates", found: value.typeDescription)
            }
            sources[name] = source
        }
        return sources
    }

    /// The special tokens by name, as templates know them: `bos_token`, `eos_token` and their like. `tokenizer_config.json` says which, and
    /// `special_tokens_map.json` of those that it leaves out.
    private func specialTokens(_ settings: JSONDocument?) throws(ModelFileError) -> [String: JSONValue] {
        let path = name + "/special_tokens_map.json"
        let map = FileManager.default.fileExists(atPath: path) ? try JSONDocument(path: path) : nil
        var tokens: [String: JSONValue] = [:]
        for key in ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] {
            if let text = HuggingFaceFolder.tokenName(settings, key) ?? HuggingFaceFolder.tokenName(map, key) {
                tokens[key] = .string(text)
            }
        }
        let additional = (settings?.value("additional_special_tokens") ?? map?.value("additional_special_tokens"))?.array ?? []
        let names = additional.compactMap { $0.string ?? $0["content"]?.string }
        if !names.isEmpty { tokens["additional_special_tokens"] = .array(names.map { .string($0) }) }
        return tokens
    }
}
