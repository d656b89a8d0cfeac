import Foundation
import Tensors

extension CheckedOperation {
    /// With δ the largest error of a score, `(RoundOff.sum(D) + 3)·u·|scale|·Σ|q·k|` and 8u of the cap, a softmax weight errs by 2δ
    /// and by its exponential's 3 + 2|s − max| ulp and argument; sums over T keys and the rescaling of an online softmax, which happens
    /// whenever the running maximum rises, by `5·RoundOff.sum(T)·u`. The result is the mean of |v| under the weights times that.
    static let attention = CheckedOperation(
        name: "attention", summary: "packed, causal, windowed, grouped scaled dot-product attention over a key-value cache",
        tolerance: "Σ p·|v|·(2δ + (8 + 6·|s − max|)·u + 5·min(T, 8√T)·u), δ the error of a score", defaultCases: 90
    ) { index, generator, options in
        let draw = AttentionDraw(index, &generator)
        if index % 5 == 4 && draw.rows > 1 { return draw.batchMatesCase(&generator) }
        return CheckCase(shapes: draw.description) { device in
            [try device.read(draw.run(device, queries: draw.queries))]
        } tolerances: { _, _ in
            [draw.tolerances(options.matrixInputs)]
        }
    }
}

/// One random batch: packed queries, a cache with stale slots, and the options.
private struct AttentionDraw {
    let heads, keyHeads, channels, capacity, slotCount, rows: Int
    let starts, keyLengths, slots: [Int32]
    let scale: Float
    let causal: Bool
    let window: Int?
    let softCap: Float?
    let slack: Int
    let queries, keys, values: [Float]

    init(_ index: Int, _ generator: inout CheckGenerator) {
        (heads, keyHeads) = generator.pick([(1, 1), (2, 1), (3, 3), (4, 2), (9, 3), (8, 1), (6, 2)])
        channels = generator.pick([64, 64, 64, 128, 32, 16, 80, 96, 8, 5, 33, 1, 256])
        let isDecode = index % 3 == 0
        let sequences = generator.integer(in: 1...4)
        slotCount = sequences + generator.integer(in: 0...2)
        capacity = generator.pick(isDecode ? [1, 17, 64, 130, 300] : [3, 16, 33, 65, 100])
        causal = generator.chance(0.8)
        var (starts, keyLengths) = ([Int32(0)], [Int32]())
        for _ in 0..<sequences {
            let queryCount = generator.chance(0.08) ? 0 : isDecode ? 1 : generator.integer(in: 1...min(capacity, 40))
            // Fewer keys than queries leave the first queries of a causal sequence without any.
            let keyCount =
                generator.chance(0.08) ? generator.integer(in: 0...queryCount) : generator.integer(in: min(queryCount, capacity)...capacity)
            starts.append(starts.last! + Int32(queryCount))
            keyLengths.append(Int32(keyCount))
        }
        (self.starts, self.keyLengths) = (starts, keyLengths)
        slots = generator.permutation(slotCount).prefix(sequences).map(Int32.init)
        rows = Int(starts.last!)
        scale = generator.chance(0.8) ? Float(1 / Double(channels).squareRoot()) : 0.3
        window = causal && generator.chance(0.35) ? generator.pick([1, 2, 7, 16, 31, 64, 1000]) : nil
        softCap = generator.chance(0.25) ? generator.pick([5, 30, 50]) : nil
        slack = generator.pick([0, 0, 5])
        // Large queries make one key win: the sum of weights is then the rounding of a few.
        queries = generator.normals(rows * heads * channels, deviation: generator.pick([1, 1, 8]))
        // Rows of the cache that no sequence sees hold whatever was there before.
        var (keys, values) = (
            [Float](repeating: .nan, count: slotCount * capacity * keyHeads * channels),
            [Float](repeating: .nan, count: slotCount * capacity * keyHeads * channels)
        )
        for (slot, keyCount) in zip(slots, keyLengths) {
            let start = Int(slot) * capacity * keyHeads * channels
            let count = Int(keyCount) * keyHeads * channels
            keys.replaceSubrange(start..<start + count, with: generator.normals(count))
            values.replaceSubrange(start..<start + count, with: generator.normals(count))
        }
        (self.keys, self.values) = (keys, values)
    }

    var description: String {
        "queries [\(rows), \(heads), \(channels)], cache [\(slotCount), \(capacity), \(keyHeads), \(channels)], starts \(starts), key "
            + "lengths \(keyLengths), slots \(slots), scale \(scale)" + (causal ? ", causal" : "") + (window.map { ", window \($0)" } ?? "")
            + (softCap.map { ", soft cap \($0)" } ?? "")
    }

    func run(_ device: CheckDevice, queries: [Float]) throws -> Tensor {
        let cache: Shape = [slotCount, capacity, keyHeads, channels]
        let queryCounts = zip(starts.dropFirst(), starts).map { Int($0 - $1) }
        let segments = Segments(
            queryStarts: try device.input(starts, [starts.count], "the query starts"),
            keyLengths: try device.input(keyLengths, [keyLengths.count], "the key lengths"),
            slots: try device.input(slots, [slots.count], "the slots"), maximumQueries: queryCounts.max()! + slack,
            maximumKeys: Int(keyLengths.max()!) + slack)
        return try device.backend.attention(
            device.input(queries, [rows, heads, channels], "the queries"), keys: device.input(keys, cache, "the keys"),
            values: device.input(values, cache, "the values"), segments: segments, scale: scale, causal: causal, window: window,
            softCap: softCap, into: device.output([rows, heads, channels]))
    }

    /// One query row changed to NaN: no other row may change a bit.
    func batchMatesCase(_ generator: inout CheckGenerator) -> CheckCase {
        let changed = generator.integer(in: 0...rows - 1)
        let rowElements = heads * channels
        var other = queries
        for index in changed * rowElements..<(changed + 1) * rowElements { other[index] = .nan }
        return CheckCase(shapes: "\(description), query row \(changed) changed") { [other] device in
            [try device.read(run(device, queries: queries)), try device.read(run(device, queries: other))]
        } tolerances: { _, _ in
            []
        } properties: {
            CheckedOperation.batchMateViolations($0[0].floats, $0[1].floats, changedRow: changed, channels: rowElements)
        }
    }

    /// The bound for each element of the result.
    func tolerances(_ matrixInputs: MatrixInputs) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(rows * heads * channels)
        for sequence in keyLengths.indices {
            for query in starts[sequence]..<starts[sequence + 1] {
                for head in 0..<heads { result += tolerance(sequence: sequence, row: Int(query), head: head, matrixInputs) }
            }
        }
        return result
    }

    private func tolerance(sequence: Int, row: Int, head: Int, _ matrixInputs: MatrixInputs) -> [Double] {
        let queryCount = Int(starts[sequence + 1] - starts[sequence])
        let position = Int(keyLengths[sequence]) - queryCount + row - Int(starts[sequence])
        let visible = (0..<Int(keyLengths[sequence])).filter { key in
            !causal || (key <= position && window.map { key > position - $0 } ?? true)
        }
        // A query without keys gives exact zeros.
        if visible.isEmpty { return [Double](repeating: 0, count: channels) }
        let firstQuery = (row * heads + head) * channels
        func start(_ key: Int) -> Int {
            ((Int(slots[sequence]) * capacity + key) * keyHeads + head / (heads / keyHeads)) * channels
        }
        let half = matrixInputs == .half ? 2 * RoundOff.halfUnit : 0
        var scores: [Double] = []
        var scoreError = 0.0
        for key in visible {
            var (sum, size) = (0.0, 0.0)
            for channel in 0..<channels {
                let product = Double(queries[firstQuery + channel]) * Double(keys[start(key) + channel])
                sum += product
                size += abs(product)
            }
            var error = ((RoundOff.sum(channels) + 3) * RoundOff.unit + half) * abs(Double(scale)) * size
            var score = sum * Double(scale)
            if let softCap {
                score = Double(softCap) * tanh(score / Double(softCap))
                error += 8 * RoundOff.unit * Double(softCap)
            }
            scores.append(score)
            scoreError = max(scoreError, error)
        }
        let largest = scores.max()!
        let weights = scores.map { exp($0 - largest) }
        let total = weights.reduce(0, +)
        let common = 2 * scoreError + (5 * RoundOff.sum(visible.count) + 8) * RoundOff.unit + half
        return (0..<channels).map { channel in
            var error = 0.0
            for (index, key) in visible.enumerated() {
                let size = abs(Double(values[start(key) + channel]))
                let exponential = 6 * (largest - scores[index]) * RoundOff.unit
                error += weights[index] / total * size * (common + exponential) + size * RoundOff.logisticFlush
            }
            return error
        }
    }
}
