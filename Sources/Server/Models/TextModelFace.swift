import ModelFiles
import Models
import Monge
import Tokenizers

/// What is told of a language model, and what its prompts are written with; the model itself belongs to its engine.
struct TextModelFace: Sendable {
    let name: String
    let architecture: String
    let fingerprint: String
    let device: String
    let contextLength: Int
    let sites: [String]
    /// The neurons of each site.
    let channels: [String: Int]
    let tokenizer: any Tokenizer
    /// The layout of chats; what is wrong with it where there is none.
    let template: Result<ChatTemplate, any Error>

    init(_ model: Model, name: String) {
        self.name = name
        architecture = model.language.architecture
        fingerprint = model.language.fingerprint
        device = model.backend.name
        contextLength = model.language.contextLength
        sites = model.language.sites.map(\.name)
        channels = Dictionary(uniqueKeysWithValues: model.language.sites.map { ($0.name, $0.channels) })
        tokenizer = model.tokenizer
        template = Result { try model.chatTemplate() }
    }

    var hasChat: Bool { if case .success = template { true } else { false } }

    /// Writes a conversation in the model's layout.
    func render(_ input: ChatInput) throws -> String {
        switch template {
        case .success(let template): return try template.render(input, addGenerationPrompt: true)
        case .failure(let error):
            throw ServerError.field(
                "messages", "the model '\(name)' has no layout for conversations (\(error)); /v1/completions continues plain texts")
        }
    }
}
