import ModelFiles

/// How a model wants a conversation written.
///
/// Models carry their layout as a program in the Jinja language. This library runs no such programs: it recognises those of the families
/// below by their decisive expressions, and refuses others rather than write a conversation in a way the model was not trained on.
///
/// The rendered text names control tokens, the first token of the text included where the layout has one: encode it with `addSpecial`
/// false and `parseSpecial` true.
public struct ChatTemplate: Sendable, Hashable {
    public enum Family: String, Sendable, CaseIterable {
        /// `<|im_start|>role\n…<|im_end|>\n` (SmolLM2, Qwen 2 and 2.5, and others)
        case chatml
        /// `<|start_header_id|>role<|end_header_id|>\n\n…<|eot_id|>`
        case llama3
        /// As ``llama3``, with dates at the head of the system message (Llama 3.1 to 3.3).
        case llama31 = "llama3.1"
        /// `<|role|>\n…</s>\n`
        case zephyr
    }

    public let family: Family
    /// What the system message says when the conversation has none, for layouts that then write one.
    public let defaultSystem: String?
    /// The names of the tokens that begin a text and end a turn, where the layout writes them.
    private let beginOfSequence: String
    private let endOfSequence: String

    /// ChatML without a default system message.
    public static let chatml = ChatTemplate(family: .chatml, defaultSystem: nil, beginOfSequence: "", endOfSequence: "")

    private init(family: Family, defaultSystem: String?, beginOfSequence: String, endOfSequence: String) {
        self.family = family
        self.defaultSystem = defaultSystem
        self.beginOfSequence = beginOfSequence
        self.endOfSequence = endOfSequence
    }

    /// Recognises a layout.
    /// - Parameters:
    ///   - template: the Jinja program.
    ///   - beginOfSequence, endOfSequence: the names of these tokens, which the program calls `bos_token` and `eos_token`.
    ///   - file: what messages call the file.
    /// - Throws: ``ModelFileError/unsupported(file:detail:)`` when it is none of the families.
    public init(
        recognising template: String, beginOfSequence: String?, endOfSequence: String?, file: String
    ) throws(ModelFileError) {
        let source = JinjaSource(template)
        switch ChatTemplate.family(of: source) {
        case .chatml?:
            let system = source.literal(after: "<|im_start|>system\\n", before: "<|im_end|>")
            self.init(family: .chatml, defaultSystem: system, beginOfSequence: "", endOfSequence: "")
        case .zephyr?:
            guard let endOfSequence else {
                throw .unsupported(file: file, detail: "the chat template ends turns with a token that the file does not name")
            }
            self.init(family: .zephyr, defaultSystem: nil, beginOfSequence: "", endOfSequence: endOfSequence)
        case let family?:
            self.init(
                family: family, defaultSystem: nil, beginOfSequence: beginOfSequence ?? "<|begin_of_text|>", endOfSequence: "")
        case nil:
            let known = Family.allCases.map(\.rawValue).joined(separator: ", ")
            throw .unsupported(
                file: file, detail: "the chat template is of no known family (\(known)), so --chat is not available for this model")
        }
    }

    private static func family(of source: JinjaSource) -> Family? {
        guard source.contains("add_generation_prompt") else { return nil }
        // What would change the text in ways that rendering below does not follow.
        let isPlain = !["trim", "strip", "strftime", "think", "bos_token"].contains(where: source.contains)
        let writesNothingElse = source.writtenText.isEmpty
        let chatml = "'<|im_start|>'+message.role+'\\n'+message.content+'<|im_end|>"
        if source.contains(chatml + "'+'\\n'") || source.contains(chatml + "\\n'") {
            return isPlain && writesNothingElse && source.contains("'<|im_start|>assistant\\n'") ? .chatml : nil
        }
        let header = "'<|start_header_id|>'+message.role+'<|end_header_id|>\\n\\n'+message.content|trim+'<|eot_id|>'"
        if writesNothingElse, source.contains(header), source.contains("'<|start_header_id|>assistant<|end_header_id|>\\n\\n'") {
            return source.contains("Cutting Knowledge Date: December 2023\\n") ? .llama31 : .llama3
        }
        // The line break after these expressions is part of the text.
        let turns = ["system", "user", "assistant"].map { "'<|\($0)|>\\n'+message.content+eos_token}}\n" }
        if isPlain, turns.allSatisfy(source.contains), source.contains("{{'<|assistant|>'}}\n") { return .zephyr }
        return nil
    }

    /// The text of a conversation.
    /// - Parameter addGenerationPrompt: whether to begin the assistant's next message.
    public func render(messages: [ChatMessage], addGenerationPrompt: Bool) -> String {
        switch family {
        case .chatml: renderChatML(messages, addGenerationPrompt)
        case .llama3, .llama31: renderLlama3(messages, addGenerationPrompt)
        case .zephyr: renderZephyr(messages, addGenerationPrompt)
        }
    }

    private func renderChatML(_ messages: [ChatMessage], _ addGenerationPrompt: Bool) -> String {
        var turns = messages
        if let defaultSystem, let first = messages.first, first.role != .system {
            turns.insert(ChatMessage(role: .system, content: defaultSystem), at: 0)
        }
        let text = turns.map { "<|im_start|>\($0.role.rawValue)\n\($0.content)<|im_end|>\n" }.joined()
        return addGenerationPrompt ? text + "<|im_start|>assistant\n" : text
    }

    private func renderLlama3(_ messages: [ChatMessage], _ addGenerationPrompt: Bool) -> String {
        func turn(_ role: String, _ content: String) -> String { "<|start_header_id|>\(role)<|end_header_id|>\n\n\(content)" }
        var turns = messages[...]
        var text = beginOfSequence
        if family == .llama31 {
            // The template's own date for when it cannot ask for today's, so that a conversation is the same every day.
            let dates = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
            let system = turns.first?.role == .system ? turns.removeFirst().content : ""
            text += turn("system", dates + ChatTemplate.trim(system) + "<|eot_id|>")
        }
        for message in turns { text += turn(message.role.rawValue, ChatTemplate.trim(message.content) + "<|eot_id|>") }
        return addGenerationPrompt ? text + turn("assistant", "") : text
    }

    private func renderZephyr(_ messages: [ChatMessage], _ addGenerationPrompt: Bool) -> String {
        let text = messages.map { "<|\($0.role.rawValue)|>\n\($0.content)\(endOfSequence)\n" }.joined()
        return addGenerationPrompt && !messages.isEmpty ? text + "<|assistant|>\n" : text
    }

    /// What Jinja's `trim` leaves: Python's `str.strip`, which counts four separators below U+0020 as whitespace.
    private static func trim(_ text: String) -> String {
        func isWhitespace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value) }
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isWhitespace($0) }), let last = scalars.lastIndex(where: { !isWhitespace($0) })
        else { return "" }
        return String(scalars[first...last])
    }
}

extension ChatTemplate {
    /// The layout that a GGUF file carries in `tokenizer.chat_template`.
    public init(_ gguf: GGUFFile) throws(ModelFileError) {
        guard let template = try gguf.string(ifPresent: "tokenizer.chat_template") else { throw .withoutChatTemplate(gguf.name) }
        func tokenName(_ key: String) throws(ModelFileError) -> String? {
            guard let number = try gguf.integer(ifPresent: key), let tokens = try gguf.strings(ifPresent: "tokenizer.ggml.tokens"),
                tokens.indices.contains(number)
            else { return nil }
            return tokens[number]
        }
        try self.init(
            recognising: template, beginOfSequence: tokenName("tokenizer.ggml.bos_token_id"),
            endOfSequence: tokenName("tokenizer.ggml.eos_token_id"), file: gguf.name)
    }
}

extension ModelFileError {
    static func withoutChatTemplate(_ file: String) -> ModelFileError {
        .unsupported(file: file, detail: "has no chat template, so --chat is not available for this model")
    }
}
