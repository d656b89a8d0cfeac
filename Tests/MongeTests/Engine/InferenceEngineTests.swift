import Foundations
import Models
import Monge
import Tensors
import Testing
import Transport

/// What those who ask an engine at the same time rely on.
@Suite(.serialized) struct InferenceEngineTests {
    /// All parts of a text, and how it ended.
    private func text(_ engine: InferenceEngine, _ request: TextRequest) async throws -> (text: String, ending: TextEnding?) {
        var result: (text: String, ending: TextEnding?) = ("", nil)
        for try await event in engine.generate(request) {
            switch event {
            case .text(let part): result.text += part
            case .scores: break
            case .ended(let ending): result.ending = ending
            }
        }
        return result
    }

    private static let prompts = [
        "Once upon a time", "The capital of France is", "In the garden", "def main():", "Once upon a time, there was", "Water boils at",
    ]

    @Test func whoAsksTogetherGetsWhatOneGetsAlone() async throws {
        let model = try TestModel.load(.cpu)
        let map = EngineFixture.map(model.language, seed: 1)
        let requests = (0..<24).map { index in
            TextRequest(
                .text(Self.prompts[index % 6]),
                options: GenerationOptions(
                    tokens: 3 + index % 9, temperature: index % 3 == 0 ? 0 : 0.9, topP: 0.9, repetitionPenalty: index % 4 == 0 ? 1.2 : 1,
                    seed: UInt64(index / 5)), stream: index,
                steering: index % 2 == 0 ? [] : [ScheduledSteer(map.at(Float(index) / 200))], client: "client \(index % 3)")
        }
        let expected = try requests.map { request in
            guard case .text(let prompt) = request.prompt else { return "" }
            return try model.generate(
                [GenerationRequest(prompt, steering: request.steering.map(\.steer), stream: request.stream)], options: request.options)[0]
                .text
        }
        let engine = try InferenceEngine(TestModel.load(.cpu), limits: EngineLimits(rows: 5, cacheTokens: 512, prefillTokens: 16))
        let texts = try await withThrowingTaskGroup(of: (Int, String, TextEnding?).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask {
                    let result = try await self.text(engine, request)
                    return (index, result.text, result.ending)
                }
            }
            var texts = [String](repeating: "", count: requests.count)
            for try await (index, text, ending) in group {
                texts[index] = text
                #expect(ending?.reason == .length || ending?.reason == .end)
                #expect(ending.map { $0.promptTokens > 0 } == true)
            }
            return texts
        }
        #expect(texts == expected)
        #expect(Set(texts).count > 12)
        let load = engine.load
        #expect(load.waiting == 0 && load.served == 0)
    }

    @Test func aTextEndsBeforeItsStopText() async throws {
        let engine = try InferenceEngine(TestModel.load(.cpu))
        let options = GenerationOptions(tokens: 24, temperature: 0)
        let whole = try await text(engine, TextRequest(.text("Once upon a time"), options: options)).text
        // Words in the middle, that tokens do not begin or end with.
        let middle = whole.dropFirst(20).prefix(9)
        let stop = String(middle)
        let stopped = try await text(engine, TextRequest(.text("Once upon a time"), options: options, stop: ["never there", stop]))
        #expect(stopped.text == String(whole[..<whole.range(of: stop)!.lowerBound]))
        #expect(stopped.ending?.reason == .stop(stop) && (stopped.ending?.tokens.count ?? 24) < 24)
        // One that begins as the text ends holds nothing back in the end.
        let open = try await text(engine, TextRequest(.text("Once upon a time"), options: options, stop: [whole.suffix(3) + "…"]))
        #expect(open.text == whole && open.ending?.reason == .length)
    }

    /// A map that waits for a text acts as one that is told the number of the token after it, and not before.
    @Test func mapsWaitForAMarker() async throws {
        let model = try TestModel.load(.cpu)
        let map = EngineFixture.map(model.language, seed: 3)
        let engine = try InferenceEngine(TestModel.load(.cpu), limits: EngineLimits(rows: 3, cacheTokens: 1024))
        let options = GenerationOptions(tokens: 24, temperature: 0.8, seed: 5)
        func written(_ schedule: SteeringSchedule?) async throws -> (text: String, tokens: [Int32]) {
            let steering = schedule.map { [ScheduledSteer(map.at(0.05), $0)] } ?? []
            let (text, ending) = try await text(engine, TextRequest(.text("In the garden"), options: options, steering: steering))
            return (text, ending?.tokens ?? [])
        }
        let plain = try await written(nil)
        // The end of the ninth token, which no beginning has.
        let (before, upTo) = (model.tokenizer.decode(plain.tokens.prefix(8)), model.tokenizer.decode(plain.tokens.prefix(9)))
        let marker = String(upTo.dropFirst(before.count - 1))
        #expect(!before.contains(marker) && !marker.isEmpty)
        for course in [SteeringSchedule.Course.constant, .ramp(tokens: 4)] {
            let waiting = try await written(SteeringSchedule(course: course, marker: marker))
            let told = try await written(SteeringSchedule(scope: .generation, tokens: 9..<100, course: course))
            #expect(waiting.tokens == told.tokens && waiting.text == told.text)
            #expect(Array(waiting.tokens.prefix(9)) == Array(plain.tokens.prefix(9)) && waiting.tokens != plain.tokens)
        }
        #expect(try await written(SteeringSchedule(marker: "never written")).tokens == plain.tokens)
        for schedule in [SteeringSchedule(marker: ""), SteeringSchedule(scope: .prompt, marker: "x")] {
            await #expect(throws: MongeError.self) { try await written(schedule) }
        }
    }

    /// What is captured among those who write is what is captured alone, and they write what they would.
    @Test(arguments: [8, 512]) func activationsAreCapturedAmongTexts(_ prefill: Int) async throws {
        let model = try TestModel.load(.cpu)
        let map = EngineFixture.map(model.language, seed: 6)
        let engine = try InferenceEngine(TestModel.load(.cpu), limits: EngineLimits(rows: 4, cacheTokens: 512, prefillTokens: prefill))
        let sites = ["model.layers.0.mlp.down_proj", "model.layers.7.self_attn.o_proj", "model.norm"]
        let patterns = sites.map { $0.replacing(".", with: "\\.") }
        let sentences = ["The rain fell all night on the roofs of the town.", "Bread", "In the garden, two children played."]
        let options = GenerationOptions(tokens: 12, seed: 3, stopsAtEnd: false)
        let texts = try Self.prompts.map { try model.generate($0, steering: [map.at(0.01)], options: options) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, prompt) in Self.prompts.enumerated() {
                group.addTask {
                    let request = TextRequest(.text(prompt), options: options, steering: [ScheduledSteer(map.at(0.01))])
                    let own = try await self.text(engine, request).text
                    #expect(own == texts[index])
                }
            }
            for pooling in [CapturePooling.mean, .max, .median, .last, .all] {
                for sentence in sentences {
                    let steering = pooling == .median ? [] : [map.at(0.02)]
                    // The draw of tokens of a single text is all of them.
                    let expected = try model.activations(
                        of: [sentence], sites: patterns, options: CaptureOptions(pooling: pooling), steering: steering)
                    let tokens = model.tokenizer.encode(sentence, addSpecial: true, parseSpecial: false)
                    group.addTask {
                        let own = try await engine.activations(of: tokens, sites: sites, pooling: pooling, steering: steering)
                        #expect(own == expected, "\(pooling) of '\(sentence)'")
                    }
                }
            }
            try await group.waitForAll()
        }
        await #expect(throws: MongeError.self) { try await engine.activations(of: [1], sites: ["nowhere"]) }
        await #expect(throws: MongeError.self) { try await engine.activations(of: [], sites: sites) }
        let load = engine.load
        #expect(load.waiting == 0 && load.served == 0)
    }

    /// Whatever the limits are, getting ready fails nobody, and changes no text.
    @Test(arguments: [
        EngineLimits(rows: 3, cacheTokens: 96), EngineLimits(rows: 3, cacheTokens: 16, length: 3),
        EngineLimits(rows: 8, cacheTokens: 512, waiting: 1),
        EngineLimits(rows: 2, cacheTokens: 64, length: 16, prefillTokens: 1),
    ]) func enginesAreReadyWithinTheirLimits(_ limits: EngineLimits) async throws {
        let engine = try InferenceEngine(TestModel.load(.cpu), limits: limits)
        try await engine.warmUp()
        let load = engine.load
        #expect(load.waiting == 0 && load.served == 0)
        let request = TextRequest(.text("Water"), options: GenerationOptions(tokens: 2, temperature: 0))
        let expected = try TestModel.load(.cpu).generate("Water", options: GenerationOptions(tokens: 2, temperature: 0))
        #expect(try await text(engine, request).text == expected)
    }

    /// Work on the model beside the texts changes none of them, and both come to an end.
    @Test func workBesideTheTextsHasItsTurns() async throws {
        let engine = try InferenceEngine(TestModel.load(.cpu))
        let options = GenerationOptions(tokens: 40, seed: 2, stopsAtEnd: false)
        let request = TextRequest(.text("Once upon a time"), options: options)
        let expected = try await text(engine, request).text
        let sentences = (0..<60).map { "Sentence number \($0) of some that are read while others write." }
        async let work = engine.perform { model, pause in
            try model.activations(of: sentences, sites: [#"model\.norm"#], progress: { _ in pause() })[0].samples
        }
        async let beside = text(engine, request)
        #expect(try await beside.text == expected)
        #expect(try await work == 60)
    }

    @Test func whoLeavesIsForgottenAndWhoIsLateEnds() async throws {
        let engine = try InferenceEngine(TestModel.load(.cpu), limits: EngineLimits(rows: 2, cacheTokens: 4096))
        let long = TextRequest(.text("Once upon a time"), options: GenerationOptions(tokens: 1500, temperature: 0, stopsAtEnd: false))
        for _ in 0..<3 {
            // The stream goes away after its first part.
            for try await _ in engine.generate(long) { break }
        }
        var late = long
        late.deadline = .now.advanced(by: .milliseconds(20))
        let ended = try await text(engine, late)
        #expect(ended.ending?.reason == .deadline && (ended.ending?.tokens.count ?? 1500) < 1500)
        let short = try await text(engine, TextRequest(.text("Hello"), options: GenerationOptions(tokens: 2)))
        #expect(short.ending != nil)
        let load = engine.load
        #expect(load.waiting == 0 && load.served == 0)
    }

    @Test func whatCannotBeServedIsSaid() async throws {
        let engine = try InferenceEngine(TestModel.load(.cpu), limits: EngineLimits(rows: 1, cacheTokens: 64, length: 100, waiting: 1))
        func refusal(_ request: TextRequest) async -> String? {
            do {
                _ = try await text(engine, request)
                return nil
            } catch { return "\(error)" }
        }
        #expect(await refusal(TextRequest(.text(""), options: GenerationOptions(tokens: 3))) != nil)
        #expect(await refusal(TextRequest(.tokens([-1]))) == "token -1 is none of the model's 49152")
        #expect(await refusal(TextRequest(.text("Hi"), stop: [""])) == "a stop text is empty; give at least one character")
        #expect(await refusal(TextRequest(.text("Hi"), options: GenerationOptions(tokens: 120)))?.contains("a text may have 100") == true)
        #expect(await refusal(TextRequest(.text("Hi"), options: GenerationOptions(tokens: 90)))?.contains("cache holds 64") == true)
        #expect(await refusal(TextRequest(.text("Hi"), options: GenerationOptions(tokens: 4, topP: 2)))?.contains("top-p is 2") == true)
        #expect(await refusal(TextRequest(.text("Hi"), options: GenerationOptions(tokens: 4))) == nil)
    }
}
