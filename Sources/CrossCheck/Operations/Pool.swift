import Tensors

extension CheckedOperation {
    /// A mean is a sum and a division (2.5 ulp); the median of an even number adds two values; the others choose one.
    static let pool = CheckedOperation(
        name: "pool", summary: "the rows of each sequence pooled per channel: mean, max, min, median, last",
        tolerance: "mean: (min(n, 8√n) + 6)·u·Σ|x|/n; median of an even number: 2u·(|a| + |b|); otherwise equal", defaultCases: 75
    ) { index, generator, _ in
        let pooling = Pooling.allCases[index % Pooling.allCases.count]
        let sequences = index == 0 ? 0 : generator.extent(atMost: 9)
        let channels = generator.extent(atMost: 257)
        // Now and then ties, which a median must count.
        let isRough = generator.chance(0.3)
        var counts: [Int32] = []
        var starts: [Int32] = []
        var rows = 0
        for _ in 0..<sequences {
            // Sequences need not touch: here and there rows belong to none.
            rows += generator.chance(0.2) ? generator.integer(in: 1...3) : 0
            starts.append(Int32(rows))
            counts.append(Int32(generator.chance(0.1) ? 0 : generator.extent(atMost: channels > 100 ? 33 : 129)))
            rows += Int(counts.last!)
        }
        let order = generator.permutation(sequences)
        (starts, counts) = (order.map { starts[$0] }, order.map { counts[$0] })
        let dtype = generator.activationType()
        var x = generator.values(rows * channels, generator.pick([.ordinary, .wide]), dtype)
        if isRough { x = x.map { ($0 * 2).rounded() } }
        if pooling == .max || pooling == .min || pooling == .last {
            // One NaN makes NaN of the largest and the smallest.
            for index in x.indices where generator.chance(0.02) { x[index] = generator.pick([.infinity, -.infinity, .nan]) }
        }
        let maximumCount = Int(counts.max() ?? 0) + generator.pick([0, 0, 7])
        let description = "x [\(rows), \(channels)] \(dtype), \(pooling), counts \(counts)"
        return CheckCase(shapes: description) { [x, starts, counts] device in
            let result = try device.backend.pool(
                device.input(x, [rows, channels], dtype, "x"), starts: device.input(starts, [sequences], "the starts"),
                counts: device.input(counts, [sequences], "the counts"), maximumCount: maximumCount, pooling: pooling,
                into: device.output([sequences, channels]))
            return [try device.read(result)]
        } tolerances: { [x, starts, counts] _, _ in
            // Zeros of both signs are equal, and either may be the largest.
            let equal = Double(Float.leastNonzeroMagnitude) / 2
            return [
                (0..<sequences * channels).map { index in
                    let (start, count) = (Int(starts[index / channels]), Int(counts[index / channels]))
                    let column = (start..<start + count).map { abs(Double(x[$0 * channels + index % channels])) }
                    switch pooling {
                    case .mean where count > 0:
                        return (RoundOff.sum(count) + 6) * RoundOff.unit * column.reduce(0, +) / Double(count) + equal
                    case .median where count > 0 && count % 2 == 0:
                        let sorted = (start..<start + count).map { Double(x[$0 * channels + index % channels]) }.sorted()
                        return 2 * RoundOff.unit * (abs(sorted[count / 2 - 1]) + abs(sorted[count / 2])) + equal
                    default: return equal
                    }
                }
            ]
        }
    }
}
