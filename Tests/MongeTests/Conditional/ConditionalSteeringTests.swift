import Models
import Monge
import Tensors
import Testing
import Transport

/// What a user relies on when a map acts only in requests that meet its condition.
@Suite struct ConditionalSteeringTests {
    static let football = [
        "The striker scored a goal in the last minute of the match.", "Our team won the football cup on Sunday.",
        "The goalkeeper caught the ball with both hands.", "Fans sang in the stadium after the final whistle.",
        "The coach praised the young midfielder after the game.", "A penalty decided the derby between the two clubs.",
        "The referee showed a red card to the defender.", "The league champions signed a new forward.",
        "They played football in the park until the ball was lost.", "The winger crossed the ball and the striker headed it in.",
        "Who won the world cup in football last time?", "The club sold its best player to a rival team.",
    ]
    static let others = [
        "The rain fell on the quiet town all night.", "She bought bread and apples at the market.", "A train left the station at noon.",
        "He reads an old book about the sea.", "The river is cold in early spring.", "They painted the kitchen walls yellow.",
        "The baker sells fresh rolls every morning.", "My grandmother knits scarves in the winter.",
        "What is the capital of the country to the north?", "The museum opens a new exhibition in May.",
        "Stir the soup until the onions are soft.", "The moon rose above the dark forest.",
    ]
    /// Neither set has seen them.
    static let meeting = "The football team scored a goal in the match"
    static let failing = "The soup is cooked with onions and"

    private struct Setting {
        let model: Model
        let map: TransportMap
        var unconditional: TransportMap { map.unconditional }
    }

    private func setting(_ device: DeviceChoice = .cpu, site: String = #"model\.layers\.4"#) throws -> Setting {
        let model = try TestModel.load(device)
        var map = try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: SteeringTests.norms,
            options: FitOptions(method: .mean, estimation: .simultaneous))
        map.condition = try model.fitCondition(source: Self.football, target: Self.others, sites: [site])
        return Setting(model: model, map: map)
    }

    @Test func requestsThatDoNotMeetItAreTheSameBitsInAMixedBatch() throws {
        let setting = try setting()
        let (model, map) = (setting.model, setting.map)
        let prompts = [Self.meeting, Self.failing, Self.failing, Self.meeting].map {
            model.tokenizer.encode($0, addSpecial: true, parseSpecial: false)
        }
        // Two maps a request, either of which may be conditional; the second of request 2 always acts.
        let other = setting.unconditional
        let conditional = [[map.at(1)], [map.at(1)], [map.at(1), other.at(0.25)], [map.at(0.5), other.at(0.25)]]
        let same = [[other.at(1)], [], [other.at(0), other.at(0.25)], [other.at(0.5), other.at(0.25)]]
        func logits(_ steering: [[Steer]]) throws -> (prefill: [Float], step: [Float]) {
            let language = model.language
            let tables = SteeringTables(on: language, capacity: 4)
            let plans = try steering.map { try $0.map { try tables.entry($0) } }
            let decisions = try ConditionDecisions(prompts, steering: steering, model: model)
            let cache = try language.makeCache(slots: 4, capacity: 32)
            let batch = try TokenBatch(
                prompts.enumerated().map { TokenBatch.Sequence(tokens: $1, slot: $0) }, capacity: 32, on: model.backend)
            let hidden = try language.forward(
                batch, cache: cache,
                context: ForwardContext(
                    backend: model.backend,
                    transports: tables.transports(
                        for: zip(batch.ranges, plans).map { ($0.count, $1) }, decisions: decisions.map { ($0, [0, 1, 2, 3]) })),
                output: .last)
            let prefill = try model.backend.readFloats(language.logits(hidden))
            let sampler = TokenSampler(slots: 4, vocabulary: language.vocabularySize, on: model.backend)
            for slot in 0..<4 { try sampler.begin(slot, SamplingOptions(temperature: 0), tokens: prompts[slot]) }
            let rows = try tables.rows(4, depth: 2)
            try rows.write(plans, decisions: decisions.map { ($0, [0, 1, 2, 3]) })
            let step = try DecodeStep(language, cache: cache, sampler: sampler, steering: rows)
            try step.run((0..<4).map { DecodeBatch.Row(token: Int32(10 * ($0 + 1)), position: prompts[$0].count, slot: $0) })
            return (prefill, try step.logits.flatMap { try model.backend.readFloats($0) })
        }
        let (decided, expected) = (try logits(conditional), try logits(same))
        #expect(decided.prefill == expected.prefill)
        #expect(decided.step == expected.step)
        // The map does something where it acts.
        let plain = try logits([[], [], [], []])
        let width = model.language.vocabularySize
        #expect(decided.step[..<width] != plain.step[..<width])
        #expect(decided.step[width..<2 * width] == plain.step[width..<2 * width])
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func decisionsAreThoseOfTheScore(device: DeviceChoice) throws {
        let cpu = try TestModel.load(.cpu)
        // Behind the first steered site or not: the untouched model is asked.
        let condition = try cpu.fitCondition(source: Self.football, target: Self.others, sites: [#"model\.layers\.1"#])
        #expect(condition.accuracy > 0.75 && condition.site == "model.layers.1" && condition.sourceCount == 12)
        let model = try TestModel.load(device)
        let sentences = [Self.meeting, Self.failing, Self.football[2], Self.others[4]]
        let tokens = sentences.map { model.tokenizer.encode($0, addSpecial: true, parseSpecial: false) }
        let channels = condition.channels
        let map = TransportMap(
            sites: [TransportMap.Site(name: "model.layers.0", map: .identity(channels: channels), deadNeurons: 0)],
            description: TransportDescription(
                method: "mean", estimation: .simultaneous, pooling: "mean", support: .all, architecture: model.language.architecture,
                fingerprint: model.language.fingerprint, sourceName: "", targetName: "", sourceCount: 0, targetCount: 0, seed: 0, date: ""),
            condition: condition)
        let met = try #require(try ConditionDecisions(tokens, steering: tokens.map { _ in [map.at(1)] }, model: model)).read()
        let captured = try cpu.activations(
            of: sentences, sites: [#"model\.layers\.1"#], options: CaptureOptions(pooling: .mean, skippedTokens: 1))[0]
        for (index, met) in met.enumerated() {
            let z = captured.values[index * channels..<(index + 1) * channels]
            let score = zip(zip(z, condition.centre), condition.direction).reduce(0) {
                $0 + (Double($1.0.0) - Double($1.0.1)) * Double($1.1)
            }
            #expect(met == [score > Double(condition.threshold)])
        }
        #expect(met[0] == [true] && met[1] == [false])
    }

    @Test func generationSaysWhatWasDecidedAndLeavesTheOthersAlone() throws {
        let setting = try setting()
        let model = setting.model
        let options = GenerationOptions(tokens: 12, topP: 0.9, seed: 3)
        let prompts = [Self.meeting, Self.failing]
        let decided = try model.generate(prompts.map { GenerationRequest($0, steering: [setting.map.at(1)]) }, options: options)
        let plain = try model.generate(prompts.map { GenerationRequest($0) }, options: options)
        let steered = try model.generate(prompts.map { GenerationRequest($0, steering: [setting.unconditional.at(1)]) }, options: options)
        #expect(decided.map(\.metConditions) == [[true], [false]])
        #expect(plain.map(\.metConditions) == [[], []])
        #expect(decided[1].tokens == plain[1].tokens && decided[1].tokens != steered[1].tokens)
        #expect(decided[0].tokens == steered[0].tokens && decided[0].tokens != plain[0].tokens)
        // Alone, with nobody beside it.
        #expect(
            try model.generate([GenerationRequest(prompts[1], steering: [setting.map.at(1)])], options: options)[0].text.isEmpty == false)
        let alone = try model.generate(prompts[1], steering: [setting.map.at(1)], options: options)
        #expect(alone == (try model.generate(prompts[1], options: options)))
    }

    @Test func evaluationAsksTheConditionOfEachText() throws {
        let setting = try setting()
        let model = setting.model
        let sentences = [Self.meeting, Self.failing]
        func perplexities(_ steering: [Steer]) throws -> [Double] {
            try sentences.map { try model.perplexity(of: [$0], steering: steering).perToken }
        }
        let (decided, plain) = (try perplexities([setting.map.at(1)]), try perplexities([]))
        let steered = try perplexities([setting.unconditional.at(1)])
        #expect(decided[1] == plain[1] && decided[1] != steered[1])
        #expect(decided[0] == steered[0] && decided[0] != plain[0])
        // Together, where they share a pass.
        #expect(try model.perplexity(of: sentences, steering: [setting.map.at(1)]).meanOfSentences.isFinite)
        let ids = model.tokenizer.encode(Self.failing, addSpecial: true, parseSpecial: false)
        #expect(try model.logits(of: ids, steering: [setting.map.at(1)]) == model.logits(of: ids))
    }

    @Test func theBestSiteIsFound() throws {
        let model = try TestModel.load(.cpu)
        let sites = [#"model\.layers\.(0|9)"#]
        let each = try ["0", "9"].map {
            try model.fitCondition(source: Self.football, target: Self.others, sites: [#"model\.layers\."# + $0]).accuracy
        }
        let found = try model.fitCondition(source: Self.football, target: Self.others, sites: sites)
        #expect(found.accuracy == each.max())
        #expect(found.site == (each[0] >= each[1] ? "model.layers.0" : "model.layers.9"))
    }

    @Test func whatCannotBeDecidedIsRefusedOrSaid() throws {
        let setting = try setting()
        let model = setting.model
        #expect(throws: MongeError.self) { try model.fitCondition(source: Array(Self.football[..<9]), target: Self.others) }
        #expect(throws: MongeError.self) { try model.fitCondition(source: Self.others, target: Self.others, sites: [#"model\.layers\.0"#]) }
        var warnings: [String] = []
        // Half of either subject on both sides: nothing to tell apart.
        let mixed = Self.football + Self.others
        func half(_ remainder: Int) -> [String] { mixed.indices.filter { $0 / 2 % 2 == remainder }.map { mixed[$0] } }
        _ = try model.fitCondition(source: half(0), target: half(1), sites: [#"model\.layers\.4"#], warn: { warnings.append($0) })
        #expect(warnings.contains { $0.contains("little better than a guess") })
        var foreign = setting.map
        foreign.condition!.site = "model.layers.999"
        #expect(throws: MongeError.self) { try model.generate("Hello", steering: [foreign.at(1)]) }
        #expect(throws: MongeError.self) { try setting.map.followed(by: setting.unconditional) }
        #expect(try setting.map.followed(by: setting.map).condition == setting.map.condition)
    }
}
