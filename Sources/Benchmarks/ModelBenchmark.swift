import Foundation
import Foundations
import Models
import Monge
import Tensors
import Transport

/// How fast a model reads and writes on a device, what steering costs, and how far that is from what the device can do.
public struct ModelBenchmark: Codable, Sendable {
    /// A rate, and the bytes and operations behind it.
    public struct Rate: Codable, Sendable {
        /// Median over the repetitions.
        public var tokensPerSecond: Double
        /// The fastest and the slowest repetition.
        public var fastest: Double
        public var slowest: Double
        /// Bytes of weights that are read for each token, over the time.
        public var gigabytesPerSecond: Double
        /// Floating-point operations for each token, over the time.
        public var gigaflopsPerSecond: Double
        /// The larger of the shares of the two ceilings.
        public var shareOfCeiling: Double
    }

    /// What the device reaches in this very run.
    public struct Ceilings: Codable, Sendable {
        /// Adding two 64 MiB tensors into a third, three times 64 MiB moved.
        public var gigabytesPerSecond: Double
        /// An f32 matrix product.
        public var gigaflopsPerSecond: Double
        public var matrixProduct: String
    }

    public var device: String
    public var date: String
    public var model: String
    /// What norms write and products read: f32 or f16.
    public var activations: String
    public var command: String
    /// Opening the file, and one generated token after a short prompt.
    public var secondsToFirstToken: Double
    public var weightBytes: Int
    public var operationsPerToken: Int
    public var ceilings: Ceilings
    public var promptTokens: Int
    public var prefill: Rate
    public var prefillSteered: Rate
    public var decode: Rate
    public var decodeSteered: Rate
    /// Median over paired decode steps of (steered time / plain time), minus 1.
    public var decodeToll: Double
    /// The same over paired prefills.
    public var prefillToll: Double
    /// What gates at the map's sites add to a steered decode step; nil where they were not measured.
    public var gateToll: Double?
    /// What a condition that is met adds to one, and to a steered prefill, whose prompt is read up to the middle of the model before.
    public var conditionToll: Double?
    public var conditionPrefillToll: Double?
    /// The most memory the process has had, in bytes.
    public var peakMemoryBytes: Int
    /// How many of the decode steps ended in logits that are not finite numbers: their times may not be those of a text.
    public var stepsWithoutFiniteLogits: Int

    /// Measures. Plain and steered runs alternate, so that a drift of the machine's speed meets both.
    ///
    /// - Parameters:
    ///   - cache: The type of the key-value cache; nil for that of the activations.
    ///   - activations: What norms write and products read; nil for what suits the device.
    ///   - promptTokens: The length of the prefill.
    ///   - decodeTokens: Decode steps of each kind.
    ///   - repetitions: Prefills of each kind.
    ///   - isConditional: Whether gates and a condition are measured, too.
    public static func run(
        _ url: URL, on backend: any Backend, cache: DType? = nil, activations: DType? = nil, promptTokens: Int, decodeTokens: Int,
        repetitions: Int, isConditional: Bool = false, command: String, progress: ProgressHandler? = nil
    ) throws -> ModelBenchmark {
        let started = Date()
        let model = try Model.load(url, on: backend, cache: cache, activations: activations)
        let prompt = model.tokenizer.encode("The weather today", addSpecial: true, parseSpecial: false)
        try Runner.pass(
            model, prompt, start: 0, cache: model.language.makeCache(slots: 1, capacity: prompt.count), transports: [])
        let firstToken = Date().timeIntervalSince(started)
        let promptTokens = min(promptTokens, model.language.contextLength - decodeTokens - 1)
        let map = benchmarkMap(for: model.language) { $0.hasSuffix("norm") }
        let bench = try Runner(model: model, map: map)

        let total = repetitions + decodeTokens
        let kinds: [Runner.Kind] = isConditional ? Runner.Kind.allCases : [.plain, .steered]
        var prefills: [Runner.Kind: [Double]] = [:]
        for index in 0..<repetitions {
            for kind in kinds { prefills[kind, default: []].append(try bench.prefill(promptTokens, kind)) }
            try progress?(Progress(activity: "measuring", done: index + 1, total: total, unit: "runs"))
        }
        let decodes = try bench.decode(decodeTokens, kinds) { done in
            try progress?(Progress(activity: "measuring", done: repetitions + done, total: total, unit: "runs"))
        }
        let ceilings = try measureCeilings(on: backend, seconds: firstToken > 10 ? 4 : 1)
        let cost = model.language.cost
        let operations = cost.layerOperations + cost.headOperations
        func rate(_ seconds: [Double], tokens: Int, operations: Double) -> Rate {
            let sorted = seconds.sorted()
            let median = sorted[sorted.count / 2]
            let bandwidth = Double(cost.weightBytes) / median / 1e9
            let flops = operations / median / 1e9
            return Rate(
                tokensPerSecond: Double(tokens) / median, fastest: Double(tokens) / sorted.first!, slowest: Double(tokens) / sorted.last!,
                gigabytesPerSecond: bandwidth, gigaflopsPerSecond: flops,
                shareOfCeiling: max(bandwidth / ceilings.gigabytesPerSecond, flops / ceilings.gigaflopsPerSecond))
        }
        let prefillOperations = Double(promptTokens * cost.layerOperations + cost.headOperations)
        return ModelBenchmark(
            device: backend.name, date: ISO8601DateFormatter().string(from: Date()), model: url.lastPathComponent,
            activations: model.language.activations.rawValue, command: command,
            secondsToFirstToken: firstToken, weightBytes: cost.weightBytes, operationsPerToken: operations, ceilings: ceilings,
            promptTokens: promptTokens, prefill: rate(prefills[.plain]!, tokens: promptTokens, operations: prefillOperations),
            prefillSteered: rate(prefills[.steered]!, tokens: promptTokens, operations: prefillOperations),
            decode: rate(decodes.times[.plain]!, tokens: 1, operations: Double(operations)),
            decodeSteered: rate(decodes.times[.steered]!, tokens: 1, operations: Double(operations)),
            decodeToll: toll(decodes.times, .steered, over: .plain)!, prefillToll: toll(prefills, .steered, over: .plain)!,
            gateToll: toll(decodes.times, .gated, over: .steered), conditionToll: toll(decodes.times, .conditional, over: .steered),
            conditionPrefillToll: toll(prefills, .conditional, over: .steered), peakMemoryBytes: ProcessMemory.peakBytes,
            stepsWithoutFiniteLogits: decodes.notFinite)
    }

    private static func toll(_ times: [Runner.Kind: [Double]], _ kind: Runner.Kind, over other: Runner.Kind) -> Double? {
        guard let own = times[kind], let others = times[other] else { return nil }
        return medianRatio(own, others) - 1
    }

    static func medianRatio(_ a: [Double], _ b: [Double]) -> Double {
        let ratios = zip(a, b).map { $0 / $1 }.sorted()
        return ratios[ratios.count / 2]
    }

    /// A map with a support on every norm, close enough to the identity that the model keeps its range.
    /// - Parameter isNorm: Whether a site is one, by its name.
    static func benchmarkMap(for model: any SteerableModel, isNorm: (String) -> Bool) -> TransportMap {
        var random = SeededGenerator(seed: 1)
        let sites = model.sites.filter { isNorm($0.name) }.map { site in
            func draw(_ range: ClosedRange<Float>) -> [Float] { (0..<site.channels).map { _ in .random(in: range, using: &random) } }
            return TransportMap.Site(
                name: site.name,
                map: AffineMap(omega: draw(0.98...1.02), beta: draw(-0.01...0.01), low: draw(-9...(-3)), high: draw(3...9)),
                deadNeurons: 0)
        }
        return TransportMap(
            sites: sites,
            description: TransportDescription(
                method: "linear", estimation: .simultaneous, pooling: "mean", support: .minimumToMaximum, spatial: .channelMean,
                architecture: model.architecture,
                fingerprint: model.fingerprint, sourceName: "", targetName: "", sourceCount: 0, targetCount: 0, seed: 1, date: ""))
    }

    /// Times single forward passes.
    private struct Runner {
        /// What steers a run. Gated maps have tables of their own: beside them others would run as if they had gates.
        enum Kind: CaseIterable {
            case plain, steered, gated, conditional
        }

        let model: Model
        private let steers: [Kind: Steer]
        private let installed: [Kind: InstalledSteering]

        init(model: Model, map: TransportMap) throws {
            self.model = model
            let steers = [Kind.steered: map, .gated: Self.gated(map), .conditional: Self.conditional(map, of: model.language)].mapValues {
                $0.at(1)
            }
            self.steers = steers
            installed = try steers.mapValues { try InstalledSteering([[$0]], on: model.language) }
        }

        private static func gated(_ map: TransportMap) -> TransportMap {
            var result = map
            for index in map.sites.indices {
                result.sites[index].gate = TokenGate(weights: map.sites[index].map.beta, intercept: 0.5)
            }
            return result
        }

        /// The map under a condition that every prompt meets, asked in the middle of the model.
        private static func conditional(_ map: TransportMap, of model: any LanguageModel) -> TransportMap {
            let blocks = model.sites.filter { ControlVector.block(of: $0.name) != nil }
            let site = blocks.isEmpty ? model.sites[model.sites.count / 2] : blocks[blocks.count / 2]
            var result = map
            let unit = [Float(1)] + [Float](repeating: 0, count: site.channels - 1)
            result.condition = Condition(
                site: site.name, direction: unit, centre: [Float](repeating: 0, count: site.channels), threshold: -1e30)
            return result
        }

        /// Decided anew, as for each request; nil where there is no condition.
        private func decisions(_ tokens: [Int32], _ kind: Kind) throws -> (all: ConditionDecisions, requests: [Int])? {
            guard let steer = steers[kind] else { return nil }
            return try ConditionDecisions([tokens], steering: [[steer]], model: model).map { ($0, [0]) }
        }

        private func pass(_ tokens: [Int32], start: Int, cache: KeyValueCache, _ kind: Kind) throws -> Double {
            try model.backend.synchronize()
            let began = DispatchTime.now().uptimeNanoseconds
            let transports = try steers[kind].map {
                try installed[kind]!.transports(for: [(tokens.count, [$0])], decisions: decisions(tokens, kind))
            }
            try Self.pass(model, tokens, start: start, cache: cache, transports: transports ?? [])
            return Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
        }

        /// A forward pass and the choice of a token. What the numbers are does not matter, so that nobody asks why they are not finite.
        static func pass(
            _ model: Model, _ tokens: [Int32], start: Int, cache: KeyValueCache, transports: [[TransportApplication]]
        ) throws {
            let backend = model.backend
            let batch = try TokenBatch(
                [TokenBatch.Sequence(tokens: tokens, start: start, slot: 0)], capacity: cache.capacity, on: backend)
            let hidden = try model.language.forward(
                batch, cache: cache, context: ForwardContext(backend: backend, transports: transports), output: .last)
            _ = try backend.readIntegers(backend.argmax(model.language.logits(hidden)))
        }

        func prefill(_ count: Int, _ kind: Kind) throws -> Double {
            let cache = try model.language.makeCache(slots: 1, capacity: count)
            return try pass(tokens(count), start: 0, cache: cache, kind)
        }

        /// Steps as a generation makes them: recorded, and the most likely token chosen on the device.
        func decode(
            _ count: Int, _ kinds: [Kind], progress: (Int) throws -> Void
        ) throws -> (times: [Kind: [Double]], notFinite: Int) {
            let context = tokens(9)
            let steps = try kinds.map { kind in
                let cache = try model.language.makeCache(slots: 1, capacity: count + 16)
                _ = try pass(Array(context[..<8]), start: 0, cache: cache, kind)
                let sampler = TokenSampler(slots: 1, vocabulary: model.language.vocabularySize, on: model.backend)
                try sampler.begin(0, SamplingOptions(temperature: 0), tokens: [])
                let (own, maps) = (installed[kind] ?? installed[.steered]!, steers[kind].map { [$0] } ?? [])
                let steering = try own.rows(1, depth: maps.count)
                try steering.write([own.entries(maps)], decisions: decisions(Array(context[..<8]), kind))
                return try DecodeStep(model.language, cache: cache, sampler: sampler, steering: steering)
            }
            var last = [Int32](repeating: context[8], count: steps.count)
            var notFinite = 0
            func time(_ place: Int, _ index: Int) throws -> Double {
                let step = steps[place]
                let backend = model.backend
                try backend.synchronize()
                let began = DispatchTime.now().uptimeNanoseconds
                try step.run([DecodeBatch.Row(token: last[place], position: 8 + index, slot: 0)])
                let token = try backend.readIntegers(step.batch.chosen)[0]
                let seconds = Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9
                // The next step cannot read the embedding of what is no token.
                let isToken = (0..<Int32(model.language.vocabularySize)).contains(token)
                notFinite += isToken ? 0 : 1
                last[place] = isToken ? token : context[8]
                return seconds
            }
            var times: [Kind: [Double]] = [:]
            for index in 0..<count {
                // Which of them goes first changes, so that none always finds the caches as another left them.
                for place in kinds.indices {
                    let place = (place + index) % kinds.count
                    times[kinds[place], default: []].append(try time(place, index))
                }
                try progress(index + 1)
            }
            return (times, notFinite)
        }

        /// Arbitrary tokens; speed does not depend on what they say.
        private func tokens(_ count: Int) -> [Int32] {
            var random = SeededGenerator(seed: 7)
            return (0..<count).map { _ in Int32.random(in: 0..<Int32(model.language.vocabularySize), using: &random) }
        }
    }

    /// What the device does at best: bytes moved by an addition, operations done by a matrix product.
    static func measureCeilings(on backend: any Backend, seconds: Double) throws -> Ceilings {
        func best(_ work: () throws -> Void) throws -> Double {
            try work()
            try backend.synchronize()
            var best = Double.infinity
            let began = Date()
            repeat {
                let start = DispatchTime.now().uptimeNanoseconds
                try work()
                try backend.synchronize()
                best = min(best, Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
            } while Date().timeIntervalSince(began) < seconds
            return best
        }
        let count = 1 << 24
        let a = try backend.upload([Float](repeating: 1, count: count), [count / 1024, 1024])
        let sum = try backend.allocate(a.shape, .f32)
        let b = try backend.add(a, a)
        let addition = try best { _ = try backend.add(a, b, into: sum) }
        // A product that takes about a tenth of a second at the rate the addition suggests: slow devices get a smaller one.
        let extent = addition > 0.3 ? 256 : 1024
        let x = try backend.upload((0..<extent * extent).map { Float($0 % 17) - 8 }, [extent, extent])
        let product = try backend.allocate([extent, extent], .f32)
        let multiplication = try best { _ = try backend.linear(x, weight: x, into: product) }
        return Ceilings(
            gigabytesPerSecond: Double(3 * 4 * count) / addition / 1e9,
            gigaflopsPerSecond: 2 * Double(extent * extent * extent) / multiplication / 1e9,
            matrixProduct: "\(extent)×\(extent)×\(extent)")
    }
}
