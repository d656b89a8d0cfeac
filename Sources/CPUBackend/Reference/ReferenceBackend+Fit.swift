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

    /// The values at levels `i / (count − 1)`, each between the order statistics around it. A position among them is a ratio of
    /// integers, so that equal sizes pair order statistics exactly.
    func quantiles(_ count: Int) -> [Double] {
        guard count != values.count else { return values }
        return (0..<count).map { index in
            let (lower, remainder) = (index * (values.count - 1)).quotientAndRemainder(dividingBy: count - 1)
            if remainder == 0 { return values[lower] }
            return values[lower] + Double(remainder) / Double(count - 1) * (values[lower + 1] - values[lower])
        }
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
            // The least-squares slope between sequences of equal quantiles. Those of the smaller set are interpolated, and have a
            // mean of their own, about which they are centred; for equal sizes it is the mean of the samples.
            let count = max(a.values.count, b.values.count)
            let (pairedA, pairedB) = (a.quantiles(count), b.quantiles(count))
            let (meanA, meanB) = (pairedA.reduce(0, +) / Double(count), pairedB.reduce(0, +) / Double(count))
            var (products, squares) = (0.0, 0.0)
            for (valueA, valueB) in zip(pairedA, pairedB) {
                products += (valueA - meanA) * (valueB - meanB)
                squares += (valueA - meanA) * (valueA - meanA)
            }
            let omega = products / squares
            return (omega, b.mean - omega * a.mean)
        }
    }
}
