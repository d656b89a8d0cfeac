import Foundation
import Hummingbird
import Monge
import Tokenizers

/// `POST /v1/completions`.
struct CompletionRoute {
    let server: ServerState

    private struct Choice: Encodable, Sendable {
        var index: Int
        var text: String
        var finishReason: Nullable<String>
        var logprobs: Nullable<CompletionLogprobs>
        var conditionsMet: [Bool?]?
    }

    private struct Answer: Encodable, Sendable {
        var id: String
        let object = "text_completion"
        var created: Int
        var model: String
        var choices: [Choice]
        var usage: Usage?
    }

    private static let mostPrompts = 64
    private static let mostChoices = 256

    func respond(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await RequestFields(server.body(of: request))
        let host = try server.textModel(body)
        let tokenizer = host.face.tokenizer
        let prompts = try prompts(body, tokenizer)
        let count = try body.integer("n", in: 1...64) ?? 1
        guard prompts.count * count <= Self.mostChoices else {
            throw ServerError.field("n", "\(prompts.count) prompts and 'n' \(count) are more than \(Self.mostChoices) texts")
        }
        let sampling = try SamplingFields(body, tokens: 16, client: context.client)
        let scores = try body.integer("logprobs", in: 0...5)
        let streaming = try StreamingFields(body)
        let steering = try server.maps.steering(NamedSteer.ofTexts(body))
        try body.refuse("echo", unless: { $0.bool == false }, "the prompt is not repeated; the client has it")
        try body.refuse("suffix", "texts are continued at their end")
        try body.refuse("best_of", unless: { $0.integer == count }, "all 'n' texts are answered with")
        SamplingFields.passOver(body)
        try body.finish()
        context.note(prompts: prompts.map { tokenizer.decode($0) })

        let requests = prompts.enumerated().flatMap { index, prompt in
            (0..<count).map { sample in
                TextRequest(
                    .tokens(prompt), options: sampling.options, stream: index * count + sample, steering: steering, stop: sampling.stop,
                    client: sampling.client, deadline: sampling.deadline, scores: scores)
            }
        }
        let answer = Answer(
            id: "cmpl-\(context.requestID)", created: Int(Date().timeIntervalSince1970), model: host.face.name, choices: [])
        let run = TextRun(requests, prompts: prompts.map(\.count), host: host, metrics: server.metrics)
        return try await streaming.isOn
            ? stream(run, answer, streaming) : whole(run, answer, context)
    }

    private func prompts(_ body: RequestFields, _ tokenizer: any Tokenizer) throws -> [[Int32]] {
        let value = try body.required("prompt", body.value("prompt"))
        func encode(_ text: String) -> [Int32] { tokenizer.encode(text, addSpecial: true, parseSpecial: false) }
        func tokens(_ integers: [Int]) throws -> [Int32] {
            guard integers.allSatisfy((0..<tokenizer.vocabularySize).contains) else {
                throw ServerError.field("prompt", "'prompt' has a token that is none of the model's \(tokenizer.vocabularySize)")
            }
            return integers.map(Int32.init)
        }
        let prompts: [[Int32]]
        if let text = value.string {
            prompts = [encode(text)]
        } else if let texts = value.strings, !texts.isEmpty {
            prompts = texts.prefix(Self.mostPrompts + 1).map(encode)
        } else if let integers = value.integers, !integers.isEmpty {
            prompts = [try tokens(integers)]
        } else if let lists = value.array, !lists.isEmpty, lists.allSatisfy({ $0.integers?.isEmpty == false }) {
            prompts = try lists.prefix(Self.mostPrompts + 1).map { try tokens($0.integers!) }
        } else {
            throw ServerError.field(
                "prompt", "'prompt' is \(value.typeDescription), expected a string, strings, tokens, or lists of tokens")
        }
        guard prompts.count <= Self.mostPrompts else {
            throw ServerError.field("prompt", "'prompt' has more than \(Self.mostPrompts) prompts")
        }
        guard prompts.allSatisfy({ !$0.isEmpty }) else {
            throw ServerError.field("prompt", "'prompt' is empty; give at least one character to continue")
        }
        return prompts
    }

    private func whole(_ run: TextRun, _ answer: Answer, _ context: ServerContext) async throws -> Response {
        let tokenizer = run.host.face.tokenizer
        var (answer, usage) = (answer, Usage())
        let texts = try await context.whileConnected { try await run.finish() }
        usage.promptTokens = run.promptTokens
        for (index, text) in texts.enumerated() {
            var logprobs: CompletionLogprobs?
            if run.requests[index].scores != nil {
                logprobs = CompletionLogprobs()
                logprobs!.append(text.scores, offset: 0, by: tokenizer)
            }
            usage.completionTokens += text.ending.tokens.count
            answer.choices.append(
                Choice(
                    index: index, text: text.text, finishReason: Nullable(text.ending.finishReason), logprobs: Nullable(logprobs),
                    conditionsMet: text.ending.conditionsMet))
        }
        answer.usage = usage
        return try .json(answer)
    }

    private func stream(_ run: TextRun, _ answer: Answer, _ streaming: StreamingFields) async throws -> Response {
        let events = try await run.begin()
        let tokenizer = run.host.face.tokenizer
        return EventStream.response { [answer] writer in
            var (answer, usage) = (answer, Usage(promptTokens: run.promptTokens))
            var offsets = [Int](repeating: 0, count: run.requests.count)
            try await run.parts(events) { part in
                var logprobs: CompletionLogprobs?
                if run.requests[part.choice].scores != nil {
                    logprobs = CompletionLogprobs()
                    logprobs!.append(part.scores, offset: offsets[part.choice], by: tokenizer)
                    offsets[part.choice] += part.text.unicodeScalars.count
                }
                answer.choices = [
                    Choice(
                        index: part.choice, text: part.text, finishReason: Nullable(part.ending?.finishReason),
                        logprobs: Nullable(logprobs), conditionsMet: part.ending?.conditionsMet)
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
