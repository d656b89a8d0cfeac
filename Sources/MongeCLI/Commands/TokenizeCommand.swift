import ArgumentParser
import Foundation
import Monge
import Tokenizers

/// `monge tokenize`: ids and pieces of a text, or of a conversation.
struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize", abstract: "Shows the ids and pieces of a text, or of a conversation in the model's layout.")

    @Option(name: .shortAndLong, help: "A GGUF file, a Hugging Face folder, or a name from the cache (smollm2).")
    var model: String

    @Flag(name: .long, help: "Wrap the text as a user's message in the model's chat layout, and show the prompt that comes of it.")
    var chat = false

    @OptionGroup var conversation: ConversationOptions

    @Flag(name: .long, help: "Print JSON: {\"ids\": [...], \"pieces\": [...]}, for a conversation with its text under \"prompt\".")
    var json = false

    @OptionGroup var text: TextOption

    func validate() throws {
        if conversation.messages != nil && text.isNamed { throw ValidationError("give either a text or --messages FILE") }
    }

    mutating func run() throws {
        struct Tokens: Encodable {
            var ids: [Int32]
            var pieces: [String]
            /// Absent for a text that is no conversation.
            var prompt: String?
        }
        let url = try ModelCatalogue.locate(model)
        var text = ""
        let isConversation = chat || conversation.impliesChat
        if isConversation {
            let input = try conversation.conversation() ?? conversation.conversation(self.text.read())
            text = try Model.loadChatTemplate(url).render(input, addGenerationPrompt: true)
        } else {
            text = try self.text.read()
        }
        let tokenizer = try Model.loadTokenizer(url)
        let ids = tokenizer.encode(text, addSpecial: !isConversation, parseSpecial: conversation.special ?? isConversation)
        let pieces = ids.map { String(decoding: tokenizer.piece($0), as: UTF8.self) }
        if json { return try Output.json(Tokens(ids: ids, pieces: pieces, prompt: isConversation ? text : nil)) }
        // Quoted, so that spaces show; controls as Unicode escapes.
        func quoted(_ piece: String) -> String {
            let visible = piece.unicodeScalars.map { scalar in
                scalar.properties.generalCategory == .control ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }
            return "\"\(visible.joined())\""
        }
        if isConversation { try Output.line(text + "\n") }
        try Output.table(["id", "piece"], zip(ids, pieces).map { [String($0), quoted($1)] })
    }
}
