import Foundation
import Foundations
import ModelFiles
import Models
import Monge
import Tensors
import Testing
import Transport
import VulkanBackend
import VulkanRuntime

/// Decode steps that are recorded once and replayed.
@Suite(.serialized) struct ReplayTests {
    private struct Decoded: Equatable {
        var tokens: [[Int32]] = []
        var logits: [[UInt32]] = []
    }

    /// Three texts of `count` tokens, whose maps and strengths change on the way; one of the maps is added while they are made.
    private func decode(_ model: any LanguageModel, _ count: Int, isRecorded: Bool, isSteered: Bool = true) throws -> Decoded {
        let backend = model.backend
        let prompts: [[Int32]] = [[5, 17, 100, 7, 23], [9, 8, 7, 6, 5, 4, 3, 10, 11], [42]]
        let requests = [0, 1, 2]
        let cache = try model.makeCache(slots: 3, capacity: count + 20)
        let options = GenerationOptions(temperature: 0.8, topK: 40, topP: 0.95, repetitionPenalty: 1.2, seed: 3)
        let sampler = TokenSampler(slots: 3, vocabulary: model.vocabularySize, on: backend)
        for (slot, prompt) in prompts.enumerated() { try sampler.begin(slot, options.sampling, tokens: prompt) }
        var random = requests.map { options.random(stream: $0) }
        let tables = SteeringTables(on: model, capacity: 4)
        let maps = [EngineFixture.map(model, seed: 1), EngineFixture.map(model, seed: 2)]
        let first = try tables.index(of: maps[0])
        #expect(first == 1)
        let batch = try TokenBatch(
            prompts.enumerated().map { TokenBatch.Sequence(tokens: $1, slot: $0) }, capacity: cache.capacity, on: backend)
        _ = try model.forward(batch, cache: cache, context: ForwardContext(backend: backend), output: .last)

        let steering = try tables.rows(3, depth: 2)
        let step = try DecodeStep(model, cache: cache, sampler: sampler, steering: steering, isRecorded: isRecorded)
        var last: [Int32] = [1, 2, 3]
        let version = tables.version
        var decoded = Decoded()
        for index in 0..<count {
            if isSteered {
                switch index * 8 / count {
                case 1: try steering.write([[try tables.entry(maps[0].at(0.5))], [], []])
                case 2: try steering.write([[try tables.entry(maps[0].at(1))], [try tables.entry(maps[0].at(-0.5))], []])
                case 3, 4:
                    try steering.write(
                        [[], [try tables.entry(maps[1].at(0.3)), try tables.entry(maps[0].at(1))], [try tables.entry(maps[1].at(1))]])
                case 5: try steering.write([[], [], [try tables.entry(maps[1].at(0.01 * Float(index)))]])
                default: try steering.write([[], [], []])
                }
            }
            try step.run(
                requests.map {
                    DecodeBatch.Row(
                        token: last[$0], position: prompts[$0].count + index, slot: $0, uniform: Float(random[$0].next() >> 40) * 0x1p-24)
                })
            last = try backend.readIntegers(step.batch.chosen)
            decoded.tokens.append(last)
            decoded.logits.append(try step.logits.flatMap { try backend.readFloats($0) }.map(\.bitPattern))
        }
        // The second map went into the tables that the recording reads.
        #expect(tables.version == version)
        return decoded
    }

    private func expectSame(_ model: any LanguageModel, _ count: Int) throws {
        let live = try decode(model, count, isRecorded: false)
        let replayed = try decode(model, count, isRecorded: true)
        #expect(live.tokens.count == count && live.tokens.joined().allSatisfy { $0 >= 0 && $0 < model.vocabularySize })
        #expect(replayed.tokens == live.tokens)
        let difference = zip(replayed.logits, live.logits).enumerated().first { $1.0 != $1.1 }?.offset
        #expect(difference == nil, "the logits of step \(difference ?? 0)")
        // What changed on the way has had an effect.
        let plain = try decode(model, count, isRecorded: true, isSteered: false)
        #expect(plain.logits[0] == live.logits[0] && plain.logits.last != live.logits.last)
    }

    /// A replayed step computes what the same operations compute when they are asked for one by one, bit for bit, over 200 tokens, while
    /// maps and strengths change; with every layout of kernels, with checked kernels, and where data goes through staging buffers.
    @Test(arguments: KernelFamily.allCases, [false, true])
    func aReplayedStepIsTheStep(family: KernelFamily, isChecked: Bool) throws {
        var options = DeviceOptions()
        options.validation = true
        options.checked = isChecked
        options.mapsDeviceMemory = !isChecked
        options.pipelineCacheFolder = nil
        let device = try Device(index: 0, options: options)
        guard family.runs(on: device.report) else { return }
        try expectSame(EngineFixture.model(on: VulkanBackend(device: device, family: family)), isChecked ? 24 : 200)
        #expect(device.validationMessages == [])
    }

    /// The CPU keeps calls of kernels, and where activations are f16 asks for the operations anew.
    @Test(arguments: [DType.f32, .f16])
    func aReplayedStepIsTheStepOnTheCPU(activations: DType) throws {
        try expectSame(EngineFixture.model(on: DeviceChoice.cpu.open(), activations: activations), 200)
    }

    /// The same with a real model, named by `MONGE_REPLAY_MODEL`, on the device of `MONGE_DEVICE`.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["MONGE_REPLAY_MODEL"] != nil))
    func aReplayedStepOfARealModelIsTheStep() throws {
        let name = try #require(ProcessInfo.processInfo.environment["MONGE_REPLAY_MODEL"])
        try expectSame(Model.load(name).language, 200)
    }

    /// Sizes that steps are recorded for: no less than there is, at most a quarter more, and few of them.
    @Test func bucketsOfKeysAreFewAndClose() {
        let buckets = (1...10_000).map { DecodeStep.keyBucket($0, capacity: 10_000) }
        for (index, bucket) in buckets.enumerated() {
            let keys = index + 1
            #expect(bucket >= keys && (bucket <= 64 || Double(bucket) <= 1.25 * Double(keys)))
        }
        #expect(Set(buckets).count <= 31)
        #expect(DecodeStep.keyBucket(65, capacity: 10_000) == 80 && DecodeStep.keyBucket(129, capacity: 10_000) == 160)
        #expect(DecodeStep.keyBucket(3, capacity: 10) == 10 && DecodeStep.keyBucket(90, capacity: 91) == 91)
    }

    /// A table that is full makes room: the maps that were there stay where they are.
    @Test func mapsAreAddedWhileRunning() throws {
        let model = try EngineFixture.model(on: DeviceChoice.cpu.open())
        let tables = SteeringTables(on: model, capacity: 1)
        let maps = (0..<5).map { EngineFixture.map(model, seed: UInt64($0)) }
        for (index, added) in maps.enumerated() { #expect(try tables.index(of: added) == Int32(index + 1)) }
        #expect(try tables.index(of: maps[2]) == 3)
        for site in model.sites {
            guard let table = tables.tables[site.index] else {
                #expect(!site.name.hasSuffix("norm"))
                continue
            }
            let elements = try model.backend.readFloats(table)
            let row = 4 * site.channels
            for (index, added) in maps.enumerated() {
                let expected = try #require(added.sites.first { $0.name == site.name }).map.interleaved
                #expect(Array(elements[(index + 1) * row..<(index + 2) * row]) == expected)
            }
            #expect(Array(elements[..<row]) == AffineMap.identity(channels: site.channels).interleaved)
        }
    }
}
