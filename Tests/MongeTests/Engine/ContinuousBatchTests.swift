import Foundation
import Foundations
import Models
import Monge
import Tensors
import Testing
import Transport
import VulkanBackend
import VulkanRuntime

/// What requests that are continued together rely on.
@Suite(.serialized) struct ContinuousBatchTests {
    /// Prompts of 1 to 70 tokens, half of which begin alike, with maps, schedules and ways of drawing of their own.
    private func requests(_ count: Int, _ model: any LanguageModel, tokens: Int = 24) -> [BatchRequest] {
        var random = SeededGenerator(seed: 5)
        let maps = (0..<5).map { EngineFixture.map(model, seed: UInt64($0), position: $0 == 4 ? .last : .all) }
        let beginning = EngineFixture.tokens(40, model, &random)
        let schedules: [SteeringSchedule] = [
            .always, SteeringSchedule(scope: .prompt), SteeringSchedule(scope: .generation), SteeringSchedule(tokens: 3..<9),
            SteeringSchedule(course: .ramp(tokens: 8)), SteeringSchedule(scope: .generation, course: .decay(halfLife: 4)),
        ]
        let samplings = [
            SamplingOptions(temperature: 0), SamplingOptions(temperature: 0.8, topK: 20, topP: 0.9),
            SamplingOptions(temperature: 1, repetitionPenalty: 1.3),
        ]
        return (0..<count).map { index in
            let own = EngineFixture.tokens(.random(in: 1...30, using: &random), model, &random)
            return BatchRequest(
                prompt: index % 2 == 0 ? beginning + own : own, tokens: .random(in: 1...tokens, using: &random),
                sampling: samplings[index % 3], random: SeededGenerator(seed: UInt64(index)),
                steering: (0..<index % 3).map { place in
                    ScheduledSteer(
                        maps[(index + place) % 5].at([0.5, 1, -0.3][index % 3]), schedules[(index / 3 + place) % schedules.count])
                }, client: "client \(index % 4)")
        }
    }

    /// Alone, or beside others, with prompts cut into pieces, few rows, and so few blocks that texts are put back and read again: the same tokens.
    @Test(arguments: [(rows: 32, blocks: 400, prefill: 2048, readsFirst: true), (5, 400, 7, false), (6, 9, 16, false), (32, 20, 50, true)])
    func textsAreTheSameWhateverIsBesideThem(rows: Int, blocks: Int, prefill: Int, readsFirst: Bool) throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        let different = try requestsDependOnCompany(model, count: 32, rows: rows, blocks: blocks, prefill: prefill, readsFirst: readsFirst)
        #expect(different == [])
    }

    /// On graphics processors, where bits are asked to be so, too; in kernels laid out for those, without f16.
    @Test(arguments: [(rows: 32, blocks: 400, prefill: 2048), (3, 400, 7), (24, 20, 50)])
    func textsAreTheSameOnGraphicsProcessors(rows: Int, blocks: Int, prefill: Int) throws {
        let backend = try DeviceChoice.vulkanIndex(0).open(family: .tiles, isBatchInvariant: true)
        let different = try requestsDependOnCompany(
            EngineFixture.model(on: backend), count: 24, rows: rows, blocks: blocks, prefill: prefill, readsFirst: blocks < 30)
        #expect(different == [])
    }

    /// - Returns: The requests whose texts are not what they are alone.
    private func requestsDependOnCompany(
        _ model: any LanguageModel, count: Int, rows: Int, blocks: Int, prefill: Int, readsFirst: Bool
    ) throws -> [Int] {
        let requests = requests(count, model)
        let together = try ContinuousBatch(
            model,
            limits: BatchLimits(rows: rows, blocks: blocks, length: 120, prefillTokens: prefill, reservesBlocks: readsFirst))
        for (index, request) in requests.enumerated() { #expect(try together.submit(request) == index) }
        let results = try together.finish(readsFirst: readsFirst)
        #expect(results.count == requests.count && together.isIdle)
        // Few blocks make texts give way to others.
        #expect((together.putBacks > 0) == (blocks < 30))
        var steered = 0
        var different: [Int] = []
        for (index, request) in requests.enumerated() {
            let alone = try ContinuousBatch(model, limits: BatchLimits(rows: 1, blocks: 8, length: 120))
            _ = try alone.submit(request)
            let expected = try alone.finish()[0]
            if results[index]?.tokens != expected?.tokens { different.append(index) }
            #expect(results[index]?.tokens.count == request.tokens && results[index]?.ending == .length)
            guard !request.steering.isEmpty else { continue }
            var plain = request
            plain.steering = []
            _ = try alone.submit(plain)
            if try alone.finish()[1]?.tokens != expected?.tokens { steered += 1 }
        }
        // Maps do something, or all this would say little.
        #expect(steered > count / 4)
        return different
    }

    /// Rows without a request, in recorded steps of a power of two of rows, are in nobody's way.
    @Test func recordedStepsServeWhoeverComes() throws {
        var options = DeviceOptions()
        options.validation = true
        let device = try Device(index: 0, options: options)
        let model = try EngineFixture.model(on: VulkanBackend(device: device))
        let reference = try EngineFixture.model(on: DeviceChoice.cpuReference.open())
        let requests = requests(9, model, tokens: 8).map { request in
            var request = request
            request.sampling.temperature = 0
            return request
        }
        func finish(_ model: any LanguageModel) throws -> [[Int32]?] {
            let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 6, blocks: 60, length: 120, prefillTokens: 64))
            for request in requests { _ = try batch.submit(request) }
            let results = try batch.finish()
            return requests.indices.map { results[$0]?.tokens }
        }
        #expect(try finish(model) == finish(reference))
        #expect(device.validationMessages == [])
    }

    @Test func aBeginningIsComputedOnceForThoseWhoAreSteeredAlike() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        var random = SeededGenerator(seed: 1)
        let prompt = EngineFixture.tokens(50, model, &random)
        let (map, other) = (EngineFixture.map(model, seed: 1), EngineFixture.map(model, seed: 2))
        let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 4, blocks: 100, length: 200))
        /// How many tokens of a prompt are read for a request of one token.
        func read(_ prompt: [Int32], _ steering: [ScheduledSteer] = []) throws -> Int {
            let before = batch.tokensRead
            _ = try batch.submit(
                BatchRequest(
                    prompt: prompt, tokens: 1, sampling: SamplingOptions(temperature: 0), random: SeededGenerator(seed: 0),
                    steering: steering))
            _ = try batch.finish()
            return batch.tokensRead - before
        }
        // Three blocks of 16 tokens are whole.
        #expect(try read(prompt) == 50 && read(prompt) == 2)
        #expect(try read(Array(prompt[..<40])) == 8 && read(Array(prompt[..<48])) == 16)
        // Nothing unsteered serves a map, and nothing steered another one, another strength, or nobody.
        #expect(try read(prompt, [ScheduledSteer(map.at(1))]) == 50 && read(prompt, [ScheduledSteer(map.at(1))]) == 2)
        #expect(try read(prompt, [ScheduledSteer(map.at(0.5))]) == 50)
        #expect(try read(prompt, [ScheduledSteer(other.at(1))]) == 50)
        #expect(try read(prompt, [ScheduledSteer(map.at(1)), ScheduledSteer(other.at(1))]) == 50)
        #expect(try read(prompt) == 2)
        // λ = 0 is the model as it is, and so is the prompt of a text of which only what is generated is steered.
        #expect(try read(prompt, [ScheduledSteer(map.at(0))]) == 2)
        #expect(try read(prompt, [ScheduledSteer(map.at(1), SteeringSchedule(scope: .generation))]) == 2)
        #expect(try read(prompt, [ScheduledSteer(EngineFixture.map(model, seed: 1, position: .last).at(1))]) == 2)
    }

    /// A conversation goes on from what was generated, unless it was steered otherwise than prompts are.
    @Test func whatWasGeneratedIsABeginningToo() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        var random = SeededGenerator(seed: 1)
        let prompt = EngineFixture.tokens(20, model, &random)
        let map = EngineFixture.map(model, seed: 1)
        for (steering, read) in [
            ([], 50 - 48), ([ScheduledSteer(map.at(1))], 50 - 48),
            ([ScheduledSteer(map.at(1), SteeringSchedule(scope: .generation))], 50 - 16),
            ([ScheduledSteer(map.at(1), SteeringSchedule(scope: .prompt))], 50 - 16),
        ] {
            let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 4, blocks: 100, length: 200))
            func request(_ prompt: [Int32], _ tokens: Int) -> BatchRequest {
                BatchRequest(
                    prompt: prompt, tokens: tokens, sampling: SamplingOptions(temperature: 0), random: SeededGenerator(seed: 0),
                    steering: steering)
            }
            _ = try batch.submit(request(prompt, 30))
            let first = try #require(try batch.finish()[0]).tokens
            let before = batch.tokensRead
            _ = try batch.submit(request(prompt + first, 1))
            let next = try #require(try batch.finish()[1]).tokens
            #expect(batch.tokensRead - before == read)
            let alone = try ContinuousBatch(model, limits: BatchLimits(rows: 1, blocks: 10, length: 150))
            _ = try alone.submit(request(prompt + first, 1))
            #expect(try alone.finish()[0]?.tokens == next)
        }
    }

    @Test func whoIsCancelledLeavesNothingBehind() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        let requests = requests(12, model)
        let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 3, blocks: 30, length: 120, prefillTokens: 20))
        let ids = try requests.map { try batch.submit($0) }
        var ended: Set<Int> = []
        for step in 0..<40 where !batch.isIdle {
            for event in try batch.run(readsFirst: false) {
                if case .ended(let id, _, _) = event { ended.insert(id) }
                if case .token(let id, _, _) = event { #expect(id % 2 == 1 || step < 3) }
            }
            // Those who wait, are being read, and are continued.
            if step == 2 { ids.filter { $0 % 2 == 0 }.forEach(batch.cancel) }
        }
        let rest = try batch.finish()
        #expect(ended.union(rest.keys).isSuperset(of: ids.filter { $0 % 2 == 1 }))
        batch.cancel(ids[1])
        batch.cancel(999)
        #expect(batch.isIdle && batch.waiting == 0 && batch.active == 0)
        // All blocks are free again: a text that needs each of them is served.
        var random = SeededGenerator(seed: 9)
        let whole = BatchRequest(
            prompt: EngineFixture.tokens(119, model, &random), tokens: 1, sampling: SamplingOptions(temperature: 0),
            random: SeededGenerator(seed: 0))
        let last = try (0..<4).map { _ in try batch.submit(whole) }.last!
        #expect(try batch.finish()[last]?.ending == .length)
    }

    @Test func whatNeverFitsIsRefused() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 3, blocks: 4, length: 100))
        func request(_ prompt: Int, _ tokens: Int) -> BatchRequest {
            BatchRequest(
                prompt: [Int32](repeating: 1, count: prompt), tokens: tokens, sampling: SamplingOptions(temperature: 0),
                random: SeededGenerator(seed: 0))
        }
        #expect(
            throws: MongeError.contextExceeded(
                "the prompt has 90 tokens and 11 more were asked for; a text may have 100")
        ) { _ = try batch.submit(request(90, 11)) }
        #expect(throws: MongeError.memoryBudget("the key-value cache holds 64 tokens, and this request alone needs 65")) {
            _ = try batch.submit(request(60, 6))
        }
        // The last token is chosen and not read.
        let id = try batch.submit(request(60, 5))
        #expect(try batch.finish()[id]?.tokens.count == 5)
        #expect(throws: MongeError.usage("the number of requests is 0, expected 1 or more")) {
            _ = try ContinuousBatch(model, limits: BatchLimits(rows: 0, blocks: 4, length: 100))
        }
        var foreign = EngineFixture.map(model, seed: 1)
        foreign.description.fingerprint = "another"
        var steered = request(5, 5)
        steered.steering = [ScheduledSteer(foreign.at(1))]
        #expect(throws: MongeError.self) { _ = try batch.submit(steered) }
        // Nothing of what stands before it is kept.
        let own = EngineFixture.map(model, seed: 1)
        steered.steering = [ScheduledSteer(own.at(1)), ScheduledSteer(foreign.at(1))]
        #expect(throws: MongeError.self) { _ = try batch.submit(steered) }
        #expect(batch.tables.isEmpty)
        for schedule in [
            SteeringSchedule(course: .ramp(tokens: 0)), SteeringSchedule(course: .decay(halfLife: -1)), SteeringSchedule(tokens: 3..<3),
            SteeringSchedule(tokens: -2..<3),
        ] {
            steered.steering = [ScheduledSteer(own.at(1), schedule)]
            #expect(throws: MongeError.self) { _ = try batch.submit(steered) }
        }
        #expect(batch.isIdle)
    }

    /// A map of the last position leaves the prompt before its last token alone, whatever its schedule: who has none shares its blocks.
    @Test func mapsOfTheLastPositionLeaveThePromptAlone() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        var random = SeededGenerator(seed: 1)
        let prompt = EngineFixture.tokens(50, model, &random)
        let last = EngineFixture.map(model, seed: 1, position: .last)
        let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 1, blocks: 40, length: 100))
        func read(_ steering: [ScheduledSteer]) throws -> (read: Int, tokens: [Int32]) {
            let before = batch.tokensRead
            let id = try batch.submit(
                BatchRequest(
                    prompt: prompt, tokens: 1, sampling: SamplingOptions(temperature: 0), random: SeededGenerator(seed: 0),
                    steering: steering))
            let tokens = try #require(try batch.finish()[id]).tokens
            return (batch.tokensRead - before, tokens)
        }
        _ = try read([])
        let all = try read([ScheduledSteer(last.at(1))])
        let own = try read([ScheduledSteer(last.at(1), SteeringSchedule(scope: .prompt))])
        #expect(all.read == 2 && own.read == 2 && all.tokens == own.tokens)
    }

    /// A stop token ends a text and is no part of it.
    @Test func stopTokensEndATextBeforeThem() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 1, blocks: 10, length: 100))
        var request = BatchRequest(
            prompt: [5, 17, 100, 7, 23], tokens: 20, sampling: SamplingOptions(temperature: 1), random: SeededGenerator(seed: 4))
        _ = try batch.submit(request)
        let tokens = try #require(try batch.finish()[0]).tokens
        let place = try #require(tokens.indices.first { $0 > 3 && !tokens[..<$0].contains(tokens[$0]) })
        request.stopTokens = [tokens[place]]
        _ = try batch.submit(request)
        let stopped = try #require(try batch.finish()[1])
        #expect(stopped.tokens == Array(tokens[..<place]) && stopped.ending == .stopped)
    }

    /// Any number of maps passes through tables of a few rows.
    @Test func mapsThatNobodyNeedsMakeRoom() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        let batch = try ContinuousBatch(model, limits: BatchLimits(rows: 2, blocks: 40, length: 100), maps: 2)
        let version = batch.tables.version
        func tokens(_ map: TransportMap?, in batch: ContinuousBatch) throws -> [Int32] {
            let id = try batch.submit(
                BatchRequest(
                    prompt: [5, 17, 100, 7, 23], tokens: 8, sampling: SamplingOptions(temperature: 0), random: SeededGenerator(seed: 0),
                    steering: map.map { [ScheduledSteer($0.at(1))] } ?? []))
            return try #require(try batch.finish()[id]).tokens
        }
        // Every other map acts at a part of the sites only: what the map before it did at the others is gone.
        let maps = (0..<12).map { seed in
            var map = EngineFixture.map(model, seed: UInt64(seed))
            if seed % 2 == 1 { map.sites.removeFirst(map.sites.count / 2) }
            return map
        }
        for map in maps + maps.reversed() {
            let alone = try ContinuousBatch(model, limits: BatchLimits(rows: 1, blocks: 40, length: 100))
            #expect(try tokens(map, in: batch) == tokens(map, in: alone))
        }
        #expect(batch.tables.tables.allSatisfy { $0 == nil || $0!.shape[0] == 3 } && batch.tables.version > version)
    }
}
