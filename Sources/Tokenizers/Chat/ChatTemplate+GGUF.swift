import ModelFiles

extension ChatTemplate {
    /// The templates that a GGUF file carries: `tokenizer.chat_template`, and `tokenizer.chat_template.NAME` for the names in
    /// `tokenizer.chat_templates`.
    /// - Throws: ``ModelFileError`` when there is none.
    public init(_ gguf: GGUFFile) throws(ModelFileError) {
        var sources: [String: String] = [:]
        for name in try gguf.strings(ifPresent: "tokenizer.chat_templates") ?? [] {
            sources[name] = try gguf.string("tokenizer.chat_template.\(name)")
        }
        if let source = try gguf.string(ifPresent: "tokenizer.chat_template") { sources["default"] = source }
        guard !sources.isEmpty else { throw .withoutChatTemplate(gguf.name) }
        let texts = try gguf.strings(ifPresent: "tokenizer.ggml.tokens") ?? []
        var tokens: [String: JSONValue] = [:]
        let keys = [
            ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("sep_token", "seperator"), ("pad_token", "padding"),
        ]
        for (variable, key) in keys {
            guard let number = try gguf.integer(ifPresent: "tokenizer.ggml.\(key)_token_id"), texts.indices.contains(number) else {
                continue
            }
            tokens[variable] = .string(texts[number])
        }
        self.init(sources, specialTokens: tokens, file: gguf.name)
    }
}

extension ModelFileError {
    static func withoutChatTemplate(_ file: String) -> ModelFileError {
        .unsupported(file: file, detail: "has no chat template, so --chat is not available for this model")
    }
}
