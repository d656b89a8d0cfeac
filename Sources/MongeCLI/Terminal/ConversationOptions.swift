import ArgumentParser
import Foundation
import ModelFiles
import Monge
import Tokenizers

/// `--messages`, `--system`, `--special`: how prompts become conversations and tokens.
struct ConversationOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A conversation in JSON: an array of {role, content}, or an object with messages and tools; - is standard input.",
            valueName: "file"))
    var messages: String?

    @Option(name: .long, help: ArgumentHelp("A system message before each prompt, in the model's chat layout.", valueName: "text"))
    var system: String?

    @Flag(
        name: .long, inversion: .prefixedNo,
        help: "Read names of control tokens such as <|im_start|> in prompts as these tokens (by default in conversations only).")
    var special: Bool?

    func validate() throws {
        if messages != nil && system != nil { throw ValidationError("--system is for prompts; a file of messages has its own") }
    }

    /// Whether prompts are written in the model's chat layout without `--chat`.
    var impliesChat: Bool { messages != nil || system != nil }

    /// The conversation of `--messages`.
    func conversation() throws -> ChatInput? {
        guard let messages else { return nil }
        guard messages == StandardInput.name else { return try ChatInput(MappedFile(path: messages)) }
        return try ChatInput(MappedFile(readingAll: STDIN_FILENO, name: "standard input"))
    }

    /// A prompt as a conversation, after the system's message where there is one.
    func conversation(_ prompt: String) -> ChatInput {
        let user = ChatMessage(role: .user, content: prompt)
        return ChatInput(messages: (system.map { [ChatMessage(role: .system, content: $0)] } ?? []) + [user])
    }
}
