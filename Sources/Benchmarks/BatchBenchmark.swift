import Dispatch
import Foundation
import Foundations
import ModelFiles
import Models
import Monge
import Tensors
import Transport

/// What it costs a full batch of texts that its requests have maps and strengths of their own, from one of them for all to one for each.
public struct BatchBenchmark: Codable, Sendable {
    /// A batch with some maps and strengths.
    public struct Entry: Codable, Sendable {
        /// How many different pairs of a map and a strength; 0 for the untouched model.
        public var pairs: Int
        /// How many different maps are among them.
        public var maps: Int
        /// Tokens a second of all texts together, at the median step.
        public var tokensPerSecond: Double
        public var millisecondsPerStep: Double
        /// Median over steps of (this batch's time / that of the batch without maps in the same round), minus 1.
        public var toll: Double
    }

    public var device: String
    public var date: String
    public var model: String
    public var command: String
    /// Texts that are continued together.
    public var rows: Int
    public var steps: Int
    /// The sites that each map acts at.
    public var sites: Int
    public var entries: [Entry]

    /// Measures. A step of each batch is done in turn, and who begins changes, so that a drift of the machine's speed meets all of them.
    ///
    /// - Parameters:
    ///   - rows: Texts in a batch.
    ///   - pairs: How many different pairs of a map and a strength there are at once, for each batch.
    ///   - maps: The most different maps among them; nil for one a pair.
    ///   - steps: Tokens that are added to each text while it is measured.
    public static func run(
        _ url: URL, on backend: any Backend, cache: DType? = nil, activations: DType? = nil, rows: Int, pairs: [Int],
        maps limit: Int? = nil,
        steps: Int, command: String, progress: ProgressHandler? = nil
    ) throws -> BatchBenchmark {
        let model = try Model.load(url, on: backend, cache: cache, activations: activations).language
        let first = ModelBenchmark.benchmarkMap(for: model) { $0.hasSuffix("norm") }
        let counts = [0] + pairs.map { min($0, limit ?? .max) }
        let maps = (0..<max(1, counts.max()!)).map { shifted(first, by: $0) }
        let kinds = [0] + pairs
        let batches = try zip(kinds, counts).map { pairs, count in
            try batch(model, rows: rows, steps: steps, (0..<pairs).map { maps[$0 % count].at(0.5 + 0.001 * Float($0)) }, maps: count)
        }
        var seconds = [[Double]](repeating: [], count: kinds.count)
        for step in 0..<steps {
            for offset in kinds.indices {
                let kind = (offset + step) % kinds.count
                try backend.synchronize()
                let began = DispatchTime.now().uptimeNanoseconds
                _ = try batches[kind].run(readsFirst: true)
                seconds[kind].append(Double(DispatchTime.now().uptimeNanoseconds - began) / 1e9)
            }
            try progress?(Progress(activity: "measuring", done: step + 1, total: steps, unit: "steps"))
        }
        return BatchBenchmark(
            device: backend.name, date: ISO8601DateFormatter().string(from: Date()), model: url.lastPathComponent, command: command,
            rows: rows, steps: steps, sites: first.sites.count,
            entries: kinds.indices.map { kind in
                let own = seconds[kind]
                let median = own.sorted()[own.count / 2]
                return Entry(
                    pairs: kinds[kind], maps: counts[kind], tokensPerSecond: Double(rows) / median, millisecondsPerStep: 1000 * median,
                    toll: ModelBenchmark.medianRatio(own, seconds[0]) - 1)
            })
    }

    /// A batch whose prompts are read.
    private static func batch(
        _ model: any LanguageModel, rows: Int, steps: Int, _ pairs: [Steer], maps: Int
    ) throws -> ContinuousBatch {
        let prompt = 8
        let batch = try ContinuousBatch(
            model,
            limits: BatchLimits(
                rows: rows, blocks: rows * BlockPool.count(prompt + steps + 1), length: prompt + steps + 1, prefillTokens: 2048,
                reservesBlocks: true),
            maps: maps)
        var random = SeededGenerator(seed: 1)
        for row in 0..<rows {
            // Begun alike, texts would share what was computed.
            let tokens = (0..<prompt).map { _ in Int32.random(in: 0..<Int32(model.vocabularySize), using: &random) }
            let steering = pairs.isEmpty ? [] : [ScheduledSteer(pairs[row % pairs.count])]
            _ = try batch.submit(
                BatchRequest(
                    prompt: tokens, tokens: steps + 1, sampling: SamplingOptions(temperature: 0),
                    random: SeededGenerator(seed: UInt64(row)),
                    steering: steering))
        }
        // Each prompt chooses a first token when it is read.
        var begun = 0
        while begun < rows { begun += try batch.run(readsFirst: true).count }
        return batch
    }

    /// A map that differs from another, and moves activations as little.
    private static func shifted(_ map: TransportMap, by number: Int) -> TransportMap {
        var map = map
        for site in map.sites.indices {
            let own = map.sites[site]
            let beta = own.map.beta.map { $0 + 1e-6 * Float(number) }
            map.sites[site] = TransportMap.Site(
                name: own.name, map: AffineMap(omega: own.map.omega, beta: beta, low: own.map.low, high: own.map.high), deadNeurons: 0)
        }
        return map
    }
}
