import Tensors

extension CPUBackend {
    public func pool(_ operation: PoolOperation) throws {
        try requireRepetition()
        let name = "pool"
        let channels = operation.x.shape[1]
        var operands = operands(name)
        let x = UnsafePointer(try operands.input(operation.x))
        let starts = try operation.starts.hostIntegers(name)
        let counts = try operation.counts.hostIntegers(name)
        let output = try operation.output.hostFloats(name)
        let sequences = operation.starts.shape.count
        for sequence in 0..<sequences {
            let (start, count) = (Int(starts[sequence]), Int(counts[sequence]))
            guard start >= 0, count >= 0, start + count <= operation.x.shape[0] else {
                throw TensorError.executionFailed(
                    operation: name, detail: "sequence \(sequence), \(count) rows from \(start), lies outside x \(operation.x.shape)")
            }
        }
        if operation.pooling == .median {
            for sequence in 0..<sequences {
                try median(x + Int(starts[sequence]) * channels, Int(counts[sequence]), channels, output + sequence * channels)
            }
            return try operands.finish()
        }
        let average = operation.x.shape[0] / max(1, sequences)
        workers.ranges(sequences, cost: average * channels) { range, _ in
            for sequence in range {
                let rows = x + Int(starts[sequence]) * channels
                operation.pooling.reduce(rows, Int(counts[sequence]), channels, output + sequence * channels)
            }
        }
        try operands.finish()
    }

    private func median(
        _ rows: UnsafePointer<Float>, _ count: Int, _ channels: Int, _ output: UnsafeMutablePointer<Float>
    ) throws {
        guard count > 0 else { return output.update(repeating: 0, count: channels) }
        let sorted = try stateScratch.take(count * channels, of: Float.self)
        try sortColumns(rows, count, channels, sorted)
        let upper = sorted + count / 2 * channels
        let lower = count % 2 == 1 ? upper : upper - channels
        for channel in 0..<channels {
            // Halves are exact but for subnormal numbers, and their sum does not overflow; one value is its own median.
            output[channel] = count % 2 == 1 ? upper[channel] : Float((Double(lower[channel]) + Double(upper[channel])) / 2)
        }
    }
}

extension Pooling {
    /// Pools `count` rows per channel, row after row, as memory has them.
    fileprivate func reduce(
        _ rows: UnsafePointer<Float>, _ count: Int, _ channels: Int, _ output: UnsafeMutablePointer<Float>
    ) {
        guard count > 0 else { return output.update(repeating: 0, count: channels) }
        switch self {
        case .mean:
            withUnsafeTemporaryAllocation(of: Double.self, capacity: channels) { sums in
                sums.initialize(repeating: 0)
                for row in 0..<count {
                    for channel in 0..<channels { sums[channel] += Double(rows[row * channels + channel]) }
                }
                for channel in 0..<channels { output[channel] = Float(sums[channel] / Double(count)) }
            }
        case .max, .min:
            output.update(from: rows, count: channels)
            for row in (1..<count).lazy.map({ rows + $0 * channels }) {
                for channel in 0..<channels {
                    let value = row[channel]
                    let isFurther = self == .max ? value > output[channel] : value < output[channel]
                    if isFurther || value.isNaN { output[channel] = value }
                }
            }
        case .last: output.update(from: rows + (count - 1) * channels, count: channels)
        case .median: preconditionFailure("medians are taken of sorted columns")
        }
    }
}
