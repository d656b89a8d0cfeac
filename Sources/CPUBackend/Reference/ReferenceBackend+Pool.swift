import Tensors

extension ReferenceBackend {
    public func pool(_ operation: PoolOperation) throws {
        let name = "pool"
        let channels = operation.x.shape[1]
        var operands = FloatOperands(memory, name)
        let x = try operands.input(operation.x)
        let starts = try operation.starts.hostIntegers(name)
        let counts = try operation.counts.hostIntegers(name)
        let output = try operation.output.hostFloats(name)
        for sequence in 0..<operation.starts.shape.count {
            let (start, count) = (Int(starts[sequence]), Int(counts[sequence]))
            guard start >= 0, count >= 0, start + count <= operation.x.shape[0] else {
                throw TensorError.executionFailed(
                    operation: name, detail: "sequence \(sequence), \(count) rows from \(start), lies outside x \(operation.x.shape)")
            }
            for channel in 0..<channels {
                let column = (start..<start + count).map { x[$0 * channels + channel] }
                output[sequence * channels + channel] = column.isEmpty ? 0 : operation.pooling(column)
            }
        }
        try operands.finish()
    }
}

extension Pooling {
    /// One value for those of a sequence, of which there is at least one.
    fileprivate func callAsFunction(_ values: [Float]) -> Float {
        switch self {
        case .mean: return Float(values.reduce(0.0) { $0 + Double($1) } / Double(values.count))
        case .max: return values.contains(where: \.isNaN) ? .nan : values.max()!
        case .min: return values.contains(where: \.isNaN) ? .nan : values.min()!
        case .last: return values.last!
        case .median:
            // NaN is last, as where columns are sorted.
            let sorted = values.sorted { $0 < $1 || $1.isNaN && !$0.isNaN }
            let middle = sorted.count / 2
            if sorted.count % 2 == 1 { return sorted[middle] }
            return Float((Double(sorted[middle - 1]) + Double(sorted[middle])) / 2)
        }
    }
}
