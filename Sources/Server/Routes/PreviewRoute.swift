import Foundation
import Hummingbird
import Models
import Monge
import Tokenizers

/// `POST /v1/steering/preview`: one prompt at several strengths, side by side as they are written.
struct PreviewRoute {
    let server: ServerState

    private struct Part: Encodable, Sendable {
        var index: Int
        var strength: Float
        var text: String
    }

    private struct Movement: Encodable, Sendable {
        struct Token: Encodable, Sendable {
            var text: String
            var value: Double
        }

        var index: Int
        var strength: Float
        var movement: [Token]
    }

    private struct End: Encodable, Sendable {
        var index: Int
        var strength: Float
        var finishReason: String
        var conditionsMet: [Bool?]?
        var usage: Usage
    }

    func respond(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await RequestFields(server.body(of: request))
        let host = try server.textModel(body)
        let tokenizer = host.face.tokenizer
        let (prompt, tokens) = try prompt(body, host)
        let strengths = try body.numbers("strengths", in: NamedSteer.strengths, atMost: 16) ?? [0, 0.5, 1]
        let sampling = try SamplingFields(body, tokens: 64, client: context.client)
        let named = try NamedSteer.ofTexts(body)
        guard !named.isEmpty else { throw ServerError.field("steering", "'steering' names no map to compare strengths of") }
        let showsMovement = try body.bool("movement") ?? false
        _ = try StreamingFields(body)
        SamplingFields.passOver(body)
        try body.finish()
        let steerings = try strengths.map { try server.maps.steering(named, multipliedBy: $0) }
        context.note(prompts: [prompt])
        let requests = steerings.map {
            // The same numbers are drawn at every strength: what changes is the steering.
            TextRequest(
                .tokens(tokens), options: sampling.options, stream: 0, steering: $0, stop: sampling.stop, client: sampling.client,
                deadline: sampling.deadline)
        }
        let run = TextRun(requests, prompts: [tokens.count], host: host, metrics: server.metrics)
        let events = try await run.begin()
        return EventStream.response { writer in
            try await run.parts(events) { part in
                let strength = strengths[part.choice]
                if !part.text.isEmpty { try await writer.write(Part(index: part.choice, strength: strength, text: part.text)) }
                guard let ending = part.ending else { return }
                if showsMovement {
                    let moved = try await movement(of: ending.tokens, after: tokens, steerings[part.choice], host)
                    try await writer.write(
                        Movement(
                            index: part.choice, strength: strength,
                            movement: zip(ending.tokens, moved).map { token, value in
                                Movement.Token(text: text(of: token, by: tokenizer).text, value: value)
                            }))
                }
                try await writer.write(
                    End(
                        index: part.choice, strength: strength, finishReason: ending.finishReason, conditionsMet: ending.conditionsMet,
                        usage: Usage(promptTokens: ending.promptTokens, completionTokens: ending.tokens.count)))
            }
        }
    }

    private func prompt(_ body: RequestFields, _ host: TextModelHost) throws -> (text: String, tokens: [Int32]) {
        let plain = try body.string("prompt")
        guard let plain else {
            guard body.value("messages") != nil else { throw ServerError.field("prompt", "'prompt' is missing, or 'messages'") }
            let text = try host.face.render(ConversationFields.conversation(body))
            return (text, host.face.tokenizer.encode(text, addSpecial: false, parseSpecial: true))
        }
        guard body.value("messages") == nil else { throw ServerError.field("messages", "give either 'prompt' or 'messages'") }
        let tokens = host.face.tokenizer.encode(plain, addSpecial: true, parseSpecial: false)
        guard !tokens.isEmpty else { throw ServerError.field("prompt", "'prompt' is empty; give at least one character to continue") }
        return (plain, tokens)
    }

    /// How far the maps move each token that was added.
    private func movement(
        of added: [Int32], after prompt: [Int32], _ steering: [ScheduledSteer], _ host: TextModelHost
    ) async throws -> [Double] {
        guard !added.isEmpty else { return [] }
        return try await host.perform { model, _ in
            Array(try model.movement(of: prompt + added, prompt: prompt.count, steering: steering).suffix(added.count))
        }
    }
}
