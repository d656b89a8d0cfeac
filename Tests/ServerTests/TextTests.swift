import Foundation
import Monge
import Server
import Testing
import Tokenizers
import Transport

/// Texts through the server are those of the library, whoever asks at the same time.
@Suite(.serialized) struct TextTests {
    private static let prompts = ["Once upon a time", "The capital of France is", "In the garden", "Water boils at"]

    /// A request as both know it.
    private struct Case: Sendable {
        var prompt: String
        var tokens: Int
        var temperature: Float
        var seed: Int
        var map: Int?
        var strength: Float

        var body: [String: Any] {
            var body: [String: Any] = [
                "prompt": prompt, "max_tokens": tokens, "temperature": temperature, "seed": seed, "top_p": 0.9,
            ]
            if let map { body["steering"] = [["map": "map\(map)", "strength": strength]] }
            return body
        }
    }

    private static let cases = (0..<32).map { index in
        Case(
            prompt: prompts[index % 4], tokens: 4 + index % 7, temperature: index % 3 == 0 ? 0 : 0.9, seed: index / 3,
            map: index % 4 == 3 ? nil : index % 3, strength: Float(index % 5) / 4)
    }

    private static func expected(_ model: Model, _ maps: [TransportMap]) throws -> [String] {
        try cases.map { item in
            try model.generate(
                item.prompt, steering: item.map.map { [maps[$0].at(item.strength)] } ?? [],
                options: GenerationOptions(tokens: item.tokens, temperature: item.temperature, topP: 0.9, seed: UInt64(item.seed)))
        }
    }

    @Test func whoAsksTogetherGetsWhatTheLibraryGives() async throws {
        let model = try ServedTestModel.model()
        let maps = (0..<3).map { ServedTestModel.map(model, seed: UInt64($0 + 1)) }
        let expected = try Self.expected(model, maps)
        #expect(Set(expected).count > 20)
        let server = try await TestServer(
            models: [ServedModel("smollm2")], maps: maps.enumerated().map { ("map\($0)", $1) }, options: { $0.slots = 7 })
        for isStreamed in [false, true] {
            let texts = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for (index, item) in Self.cases.enumerated() {
                    group.addTask {
                        var body = item.body
                        if isStreamed { body["stream"] = true }
                        let answer = try await server.post("/v1/completions", body)
                        #expect(answer.status == 200, "\(answer.text)")
                        guard isStreamed else { return (index, try answer.json["choices"][0]["text"].string ?? "") }
                        let (events, isDone) = try answer.events
                        #expect(isDone && events.last?["choices"][0]["finish_reason"].string != nil)
                        return (index, events.map { $0["choices"][0]["text"].string ?? "" }.joined())
                    }
                }
                var texts = [String](repeating: "", count: Self.cases.count)
                for try await (index, text) in group { texts[index] = text }
                return texts
            }
            #expect(texts == expected, "streamed: \(isStreamed)")
        }
    }

    @Test func choicesAreTheSamplesOfEachPrompt() async throws {
        let model = try ServedTestModel.model()
        let options = GenerationOptions(tokens: 5, temperature: 1, seed: 11)
        let prompts = Array(Self.prompts.prefix(2))
        let requests = prompts.enumerated().flatMap { index, prompt in
            (0..<3).map { GenerationRequest(prompt, stream: index * 3 + $0) }
        }
        let expected = try model.generate(requests, options: options).map(\.text)
        let server = try await TestServer(models: [ServedModel("smollm2")])
        let answer = try await server.post(
            "/v1/completions", ["model": "smollm2", "prompt": prompts, "n": 3, "max_tokens": 5, "seed": 11, "ignore_eos": false])
        #expect(try answer.json["choices"].array.map { $0["text"].string } == expected)
        #expect(try answer.json["choices"].array.map { $0["index"].integer } == Array(0..<6))
        // Tokens in the place of the text are the same prompt.
        let tokens = model.tokenizer.encode(prompts[0], addSpecial: true, parseSpecial: false).map(Int.init)
        let byTokens = try await server.post("/v1/completions", ["prompt": tokens, "n": 3, "max_tokens": 5, "seed": 11])
        #expect(try byTokens.json["choices"].array.map { $0["text"].string } == Array(expected.prefix(3)))
        #expect(try byTokens.json["usage"]["prompt_tokens"].integer == tokens.count)
    }

    @Test func conversationsAreWrittenInTheModelsLayout() async throws {
        let model = try ServedTestModel.model()
        let prompt = try model.chatTemplate().render(
            messages: [ChatMessage(role: .system, content: "Be brief."), ChatMessage(role: .user, content: "What is rain?")],
            addGenerationPrompt: true)
        let expected = try model.generate(
            [GenerationRequest(prompt, isRendered: true)], options: GenerationOptions(tokens: 9, temperature: 0))[0].text
        let server = try await TestServer(models: [ServedModel("smollm2", name: "small")])
        let messages: [[String: Any]] = [
            ["role": "developer", "content": "Be brief."],
            ["role": "user", "content": [["type": "text", "text": "What is "], ["type": "text", "text": "rain?"]]],
        ]
        let body: [String: Any] = ["model": "small", "messages": messages, "max_completion_tokens": 9, "temperature": 0]
        let answer = try await server.post("/v1/chat/completions", body)
        #expect(try answer.json["choices"][0]["message"]["content"].string == expected, "\(answer.text)")
        let streamed = try await server.post(
            "/v1/chat/completions", body.merging(["stream": true, "stream_options": ["include_usage": true]]) { $1 })
        let (events, isDone) = try streamed.events
        #expect(isDone && events[0]["choices"][0]["delta"]["role"].string == "assistant")
        #expect(events.map { $0["choices"][0]["delta"]["content"].string ?? "" }.joined() == expected)
        #expect(events.last?["usage"]["completion_tokens"].integer == 9)
    }

    /// log softmax of the logits that the library gives for the same text.
    @Test func logarithmsOfProbabilitiesAreThoseOfTheLogits() async throws {
        let model = try ServedTestModel.model()
        let server = try await TestServer(models: [ServedModel("smollm2")])
        let prompt = "The capital of France is"
        let answer = try await server.post(
            "/v1/completions", ["prompt": prompt, "max_tokens": 4, "seed": 3, "logprobs": 5, "temperature": 1.2])
        let logprobs = try answer.json["choices"][0]["logprobs"]
        let text = try answer.json["choices"][0]["text"].string ?? ""
        #expect(logprobs["tokens"].array.compactMap(\.string).joined() == text)
        let read = model.tokenizer.encode(prompt, addSpecial: true, parseSpecial: false)
        let written = logprobs["tokens"].array.count
        let generated = try model.generate(
            [GenerationRequest(prompt)], options: GenerationOptions(tokens: 4, temperature: 1.2, seed: 3))[0].tokens
        #expect(generated.count == written && written == 4)
        let logits = try model.logits(of: read + generated)
        let size = model.language.vocabularySize
        for (index, token) in generated.enumerated() {
            let row = logits[(read.count - 1 + index) * size..<(read.count + index) * size]
            let largest = Double(row.max()!)
            let total = largest + log(row.reduce(0) { $0 + exp(Double($1) - largest) })
            let expected = Double(row[row.startIndex + Int(token)]) - total
            // The logits of a batch of one token and of many are the same bits; what is left is rounding of the logarithm to f32.
            #expect(abs(logprobs["token_logprobs"][index].number! - expected) <= 1e-5 * max(1, abs(expected)))
            let top = logprobs["top_logprobs"][index]
            let best = row.sorted(by: >).prefix(5).map { Double($0) - total }
            let told = top.keys.compactMap { top[$0].number }.sorted(by: >)
            #expect(zip(told, best).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) } && told.count == 5, "\(told) \(best)")
        }
        #expect(logprobs["text_offset"].array.compactMap(\.integer).first == 0)
    }

    @Test func aStopTextAndItsScoresAreNoPartOfTheAnswer() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2")])
        let body: [String: Any] = ["prompt": "Once upon a time", "max_tokens": 20, "temperature": 0, "logprobs": 0]
        let whole = try await server.post("/v1/completions", body).json["choices"][0]["text"].string ?? ""
        let stop = String(whole.dropFirst(20).prefix(6))
        let answer = try await server.post("/v1/completions", body.merging(["stop": [stop, "never"]]) { $1 })
        let choice = try answer.json["choices"][0]
        #expect(choice["text"].string == String(whole[..<whole.range(of: stop)!.lowerBound]))
        #expect(choice["finish_reason"].string == "stop")
        let tokens = choice["logprobs"]["tokens"].array.compactMap(\.string).joined()
        #expect(tokens.hasPrefix(choice["text"].string!) && tokens.count < whole.count)
    }

    /// The preview's texts are those of completions at each strength, and tokens that no map moves have moved by nothing.
    @Test func previewsAreSideBySide() async throws {
        let model = try ServedTestModel.model()
        let map = ServedTestModel.map(model, seed: 4)
        let server = try await TestServer(models: [ServedModel("smollm2")], maps: [("m", map)])
        let common: [String: Any] = ["prompt": "In the garden", "max_tokens": 7, "seed": 5]
        let steering: [[String: Any]] = [["map": "m", "strength": 0.8]]
        let preview = try await server.post(
            "/v1/steering/preview", common.merging(["steering": steering, "strengths": [0, 0.5, 1], "movement": true]) { $1 })
        #expect(preview.status == 200, "\(preview.text)")
        let (events, isDone) = try preview.events
        #expect(isDone)
        for (index, strength) in [0, 0.5, 1].enumerated() {
            let own = events.filter { $0["index"].integer == index }
            let text = own.map { $0["text"].string ?? "" }.joined()
            let alone = try await server.post(
                "/v1/completions", common.merging(["steering": [["map": "m", "strength": 0.8 * strength]]]) { $1 })
            #expect(try text == alone.json["choices"][0]["text"].string)
            let movement = own.first { !$0["movement"].isNull }?["movement"].array ?? []
            #expect(movement.map { $0["text"].string! }.joined() == text && movement.count == 7)
            #expect(movement.allSatisfy { (($0["value"].number ?? 0) > 0) == (strength > 0) })
            #expect(own.last?["finish_reason"].string == "length")
        }
    }

    /// Whoever leaves in the middle frees the place: the texts of others are whole.
    @Test func whoLeavesIsForgotten() async throws {
        let server = try await TestServer(models: [ServedModel("smollm2")], options: { $0.slots = 2 })
        let body: [String: Any] = ["prompt": "Once upon a time", "max_tokens": 4000, "stream": true, "ignore_eos": true]
        for _ in 0..<4 { try await TestClient.leave(after: 600, "/v1/completions", body, port: server.port) }
        try await server.settle()
        let answer = try await server.post("/v1/completions", ["prompt": "Water", "max_tokens": 3])
        #expect(answer.status == 200)
    }
}
