import Foundation
import Hummingbird
import ModelFiles
import Monge
import Tokenizers

/// `POST /v1/chat/completions`.
struct ChatRoute {
    let server: ServerState

    private struct Message: Encodable, Sendable {
        let role = "assistant"
        var content: String
    }

    private struct Choice: Encodable, Sendable {
        var index: Int
        var message: Message
        var finishReason: Nullable<String>
        var logprobs: Nullable<ChatLogprobs>
        var conditionsMet: [Bool?]?
    }

    private struct Delta: Encodable, Sendable {
        var role: String?
        var content: String?
    }

    private struct PartChoice: Encodable, Sendable {
        var index: Int
        var delta: Delta
        var finishReason: Nullable<String>
        var logprobs: Nullable<ChatLogprobs>
        var conditionsMet: [Bool?]?
    }

    private struct Answer<Choice: Encodable & Sendable>: Encodable, Sendable {
        var id: String
        var object: String
        var created: Int
        var model: String
        var choices: [Choice]
        var usage: Usage?
    }

    /// The most tokens of a reply where nobody says.
    private static let usualTokens = 512

    func respond(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await RequestFields(server.body(of: request))
        let host = try server.textModel(body)
        let prompt = try host.face.render(ConversationFields.conversation(body))
        let tokens = host.face.tokenizer.encode(prompt, addSpecial: false, parseSpecial: true)
        guard !tokens.isEmpty else { throw ServerError.field("messages", "the conversation comes to no tokens") }
        let room = host.longest - tokens.count
        guard room > 0 else {
            throw ServerError(
                .badRequest, "the conversation has \(tokens.count) tokens, and a text of '\(host.face.name)' may have \(host.longest)",
                parameter: "messages", code: "context_length_exceeded")
        }
        let count = try body.integer("n", in: 1...64) ?? 1
        let sampling = try SamplingFields(
            body, tokens: min(room, Self.usualTokens), names: ["max_tokens", "max_completion_tokens"], client: context.client)
        let scores = try scores(body)
        let streaming = try StreamingFields(body)
        let steering = try server.maps.steering(NamedSteer.ofTexts(body))
        try refuse(body)
        try body.finish()
        context.note(prompts: [prompt])

        let requests = (0..<count).map { sample in
            TextRequest(
                .tokens(tokens), options: sampling.options, stream: sample, steering: steering, stop: sampling.stop,
                client: sampling.client, deadline: sampling.deadline, scores: scores)
        }
        let run = TextRun(requests, prompts: [tokens.count], host: host, metrics: server.metrics)
        return try await streaming.isOn ? stream(run, context, streaming) : whole(run, context)
    }

    /// The likeliest tokens that are told of with each, none for the token alone; nil for neither.
    private func scores(_ body: RequestFields) throws -> Int? {
        let (isOn, top) = (try body.bool("logprobs") ?? false, try body.integer("top_logprobs", in: 0...20))
        guard isOn || top == nil else { throw ServerError.field("top_logprobs", "'top_logprobs' is of answers with 'logprobs': true") }
        return isOn ? top ?? 0 : nil
    }

    private func refuse(_ body: RequestFields) throws {
        try body.refuse(
            "response_format", unless: { $0["type"]?.string == "text" }, "texts are free; 'response_format' may be {\"type\": \"text\"}")
        try body.refuse("tools", unless: { $0.array?.isEmpty == true }, "this server calls no tools")
        try body.refuse("tool_choice", unless: { $0.string == "none" }, "this server calls no tools")
        try body.refuse("functions", unless: { $0.array?.isEmpty == true }, "this server calls no functions")
        try body.refuse("function_call", unless: { $0.string == "none" }, "this server calls no functions")
        try body.refuse("modalities", unless: { $0.strings == ["text"] }, "answers are texts")
        try body.refuse("audio", "answers are texts")
        try body.refuse("prediction", "nothing is predicted")
        try body.refuse("reasoning_effort", "'chat_template_kwargs' says what the model's layout knows of reasoning")
        SamplingFields.passOver(body)
    }

    private func answer<Choice>(_ object: String, _ run: TextRun, _ context: ServerContext, _: Choice.Type) -> Answer<Choice> {
        Answer(
            id: "chatcmpl-\(context.requestID)", object: object, created: Int(Date().timeIntervalSince1970), model: run.host.face.name,
            choices: [])
    }

    private func whole(_ run: TextRun, _ context: ServerContext) async throws -> Response {
        var answer = answer("chat.completion", run, context, Choice.self)
        let texts = try await context.whileConnected { try await run.finish() }
        var usage = Usage(promptTokens: run.promptTokens)
        for (index, text) in texts.enumerated() {
            usage.completionTokens += text.ending.tokens.count
            answer.choices.append(
                Choice(
                    index: index, message: Message(content: text.text), finishReason: Nullable(text.ending.finishReason),
                    logprobs: Nullable(run.requests[index].scores == nil ? nil : ChatLogprobs(text.scores, by: run.host.face.tokenizer)),
                    conditionsMet: text.ending.conditionsMet))
        }
        answer.usage = usage
        return try .json(answer)
    }

    private func stream(_ run: TextRun, _ context: ServerContext, _ streaming: StreamingFields) async throws -> Response {
        let events = try await run.begin()
        let answer = answer("chat.completion.chunk", run, context, PartChoice.self)
        return EventStream.response { writer in
            var (answer, usage) = (answer, Usage(promptTokens: run.promptTokens))
            for index in run.requests.indices {
                answer.choices = [
                    PartChoice(
                        index: index, delta: Delta(role: "assistant", content: ""), finishReason: Nullable(nil), logprobs: Nullable(nil))
                ]
                try await writer.write(answer)
            }
            try await run.parts(events) { part in
                let logprobs = part.scores.isEmpty ? nil : ChatLogprobs(part.scores, by: run.host.face.tokenizer)
                answer.choices = [
                    PartChoice(
                        index: part.choice, delta: Delta(content: part.text.isEmpty ? nil : part.text),
                        finishReason: Nullable(part.ending?.finishReason), logprobs: Nullable(logprobs),
                        conditionsMet: part.ending?.conditionsMet)
                ]
                usage.completionTokens += part.ending?.tokens.count ?? 0
                try await writer.write(answer)
            }
            if streaming.includesUsage {
                (answer.choices, answer.usage) = ([], usage)
                try await writer.write(answer)
            }
        }
    }
}
