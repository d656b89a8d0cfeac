import Tensors

extension ReferenceBackend {
    public func sortColumns(_ operation: SortColumnsOperation) throws {
        let name = "sortColumns"
        let x = try operation.x.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let (samples, channels) = (operation.x.shape[0], operation.x.shape[1])
        concurrentRanges(channels, cost: samples * 16) { range in
            for channel in range {
                let column = (0..<samples).map { x[$0 * channels + channel] }
                // NaN is less than nothing here and everything is less than NaN, which makes a strict order of all values.
                let sorted = column.sorted { $0 < $1 || ($1.isNaN && !$0.isNaN) }
                for sample in 0..<samples { output[sample * channels + channel] = sorted[sample] }
            }
        }
    }

    public func quantileColumns(_ operation: QuantileColumnsOperation) throws {
        let name = "quantileColumns"
        let x = try operation.x.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let (samples, channels) = (operation.x.shape[0], operation.x.shape[1])
        for (row, level) in operation.levels.enumerated() {
            let position = Double(samples - 1) * Double(level)
            let lower = Int(position)
            let upper = min(lower + 1, samples - 1)
            let fraction = position - Double(lower)
            for channel in 0..<channels {
                let (a, b) = (Double(x[lower * channels + channel]), Double(x[upper * channels + channel]))
                output[row * channels + channel] = Float(a + fraction * (b - a))
            }
        }
    }

    public func fitColumns(_ operation: FitColumnsOperation) throws {
        let name = "fitColumns"
        let source = try operation.source.hostFloats(name)
        let target = try operation.target.hostFloats(name)
        let output = try operation.output.hostFloats(name)
        let channels = operation.source.shape[1]
        let (sourceCount, targetCount) = (operation.source.shape[0], operation.target.shape[0])
        concurrentRanges(channels, cost: 4 * (sourceCount + targetCount)) { range in
            for channel in range {
                let a = SampleColumn((0..<sourceCount).map { Double(source[$0 * channels + channel]) })
                let b = SampleColumn((0..<targetCount).map { Double(target[$0 * channels + channel]) })
                let (omega, beta) = operation.method.fit(a, b)
                for (row, value) in [omega, beta, a.mean, a.deviation, b.mean, b.deviation].enumerated() {
                    output[row * channels + channel] = Float(value)
                }
            }
        }
    }
}

/// The sorted samples of one neuron, with their mean and unbiased deviation.
private struct SampleColumn {
    let values: [Double]
    let mean: Double
    let deviation: Double

    init(_ values: [Double]) {
        self.values = values
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
    }

    /// Whether the spread is no more than rounding noise.
    var isDead: Bool {
        deviation <= max(Double(FitColumnsOperation.deadDeviation), Double(FitColumnsOperation.deadRatio) * abs(mean))
    }

    /// The value at level `index / (count − 1)`, between the order statistics around it. The position among them is a ratio of
    /// integers, so that equal sizes pair order statistics exactly.
    func value(at index: Int, of count: Int) -> Double {
        guard count > 1 else { return values[0] }
        let (lower, remainder) = (index * (values.count - 1)).quotientAndRemainder(dividingBy: count - 1)
        if remainder == 0 { return values[lower] }
        return values[lower] + Double(remainder) / Double(count - 1) * (values[lower + 1] - values[lower])
    }
}

extension ColumnFit {
    /// The slope and the offset of the map from `a` to `b`.
    fileprivate func fit(_ a: SampleColumn, _ b: SampleColumn) -> (omega: Double, beta: Double) {
        let identity = (1.0, 0.0)
        switch self {
        case .mean: return (1, b.mean - a.mean)
        case .gaussian:
            if a.isDead || b.isDead { return identity }
            let omega = b.deviation / a.deviation
            return (omega, b.mean - omega * a.mean)
        case .linear:
            if a.isDead { return identity }
            let count = max(a.values.count, b.values.count)
            var (products, squares) = (0.0, 0.0)
            for index in 0..<count {
                let centred = a.value(at: index, of: count) - a.mean
                products += centred * (b.value(at: index, of: count) - b.mean)
                squares += centred * centred
            }
            let omega = products / squares
            return (omega, b.mean - omega * a.mean)
        }
    }
}
