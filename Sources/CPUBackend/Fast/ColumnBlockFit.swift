import Tensors

/// Sorted samples, `[count, channels]`.
struct SampleRows {
    let base: UnsafePointer<Float>
    let count: Int
    let channels: Int

    /// Adds to each column's sum the value of `term` for its samples.
    func accumulate(_ columns: Range<Int>, into sums: inout [Double], _ term: (Float, Int) -> Double) {
        for sample in 0..<count {
            let row = base + sample * channels + columns.lowerBound
            for column in 0..<columns.count { sums[column] += term(row[column], column) }
        }
    }

    /// The values of the columns at level `index / (count − 1)`, interpolated between the order
    /// statistics around it. The position is a ratio of integers, so that equal sizes pair order statistics exactly.
    func atLevel(_ index: Int, of largerCount: Int, _ columns: Range<Int>, into values: inout [Double]) {
        var (lower, remainder) = (index, 0)
        if largerCount != count {
            (lower, remainder) = (index * (count - 1)).quotientAndRemainder(dividingBy: largerCount - 1)
        }
        let row = base + lower * channels + columns.lowerBound
        for column in 0..<columns.count { values[column] = Double(row[column]) }
        if remainder == 0 { return }
        let fraction = Double(remainder) / Double(largerCount - 1)
        for column in 0..<columns.count { values[column] += fraction * (Double(row[channels + column]) - values[column]) }
    }
}

/// The statistics of some columns in Float64, and the maps that follow from them.
struct ColumnBlockFit {
    private let source: SampleRows
    private let target: SampleRows
    private let columns: Range<Int>
    private var sourceMean: [Double]
    private var sourceDeviation: [Double]
    private var targetMean: [Double]
    private var targetDeviation: [Double]

    init(source: SampleRows, target: SampleRows, columns: Range<Int>) {
        (self.source, self.target, self.columns) = (source, target, columns)
        (sourceMean, sourceDeviation) = Self.moments(source, columns)
        (targetMean, targetDeviation) = Self.moments(target, columns)
    }

    /// Mean and unbiased deviation, the squares being of centred values; 0 for one sample.
    private static func moments(_ samples: SampleRows, _ columns: Range<Int>) -> (mean: [Double], deviation: [Double]) {
        var means = [Double](repeating: 0, count: columns.count)
        samples.accumulate(columns, into: &means) { value, _ in Double(value) }
        for column in means.indices { means[column] /= Double(samples.count) }
        var squares = [Double](repeating: 0, count: columns.count)
        guard samples.count > 1 else { return (means, squares) }
        samples.accumulate(columns, into: &squares) { value, column in
            let centred = Double(value) - means[column]
            return centred * centred
        }
        return (means, squares.map { ($0 / Double(samples.count - 1)).squareRoot() })
    }

    /// Writes ω, β, and the moments of source and target to rows of `output`, `[6, channels]`.
    func write(_ method: ColumnFit, to output: UnsafeMutablePointer<Float>) {
        let slopes = method == .linear ? leastSquares() : []
        for column in 0..<columns.count {
            let (omega, beta) = map(method, column, slope: method == .linear ? slopes[column] : 0)
            let values = [
                omega, beta, sourceMean[column], sourceDeviation[column], targetMean[column], targetDeviation[column],
            ]
            for (row, value) in values.enumerated() {
                output[row * source.channels + columns.lowerBound + column] = Float(value)
            }
        }
    }

    private func map(_ method: ColumnFit, _ column: Int, slope: Double) -> (omega: Double, beta: Double) {
        let (meanA, meanB) = (sourceMean[column], targetMean[column])
        switch method {
        case .mean: return (1, meanB - meanA)
        case .gaussian:
            if Self.isDead(meanA, sourceDeviation[column]) || Self.isDead(meanB, targetDeviation[column]) { return (1, 0) }
            let omega = targetDeviation[column] / sourceDeviation[column]
            return (omega, meanB - omega * meanA)
        case .linear:
            if Self.isDead(meanA, sourceDeviation[column]) { return (1, 0) }
            return (slope, meanB - slope * meanA)
        }
    }

    /// Whether the spread is no more than rounding noise.
    private static func isDead(_ mean: Double, _ deviation: Double) -> Bool {
        deviation <= max(Double(FitColumnsOperation.deadDeviation), Double(FitColumnsOperation.deadRatio) * abs(mean))
    }

    /// The least-squares slope between sequences of equal quantiles, Σ(a − m_a)(b − m_b) / Σ(a − m_a)². Those of the smaller set
    /// are interpolated, and have a mean of their own, about which they are centred.
    private func leastSquares() -> [Double] {
        let count = max(source.count, target.count)
        let none = [Double](repeating: 0, count: columns.count)
        var (a, b, meanA, meanB, products, squares) = (none, none, none, none, none, none)
        for index in 0..<count {
            source.atLevel(index, of: count, columns, into: &a)
            target.atLevel(index, of: count, columns, into: &b)
            for column in a.indices {
                meanA[column] += a[column]
                meanB[column] += b[column]
            }
        }
        for column in a.indices {
            meanA[column] /= Double(count)
            meanB[column] /= Double(count)
        }
        for index in 0..<count {
            source.atLevel(index, of: count, columns, into: &a)
            target.atLevel(index, of: count, columns, into: &b)
            for column in a.indices {
                let centred = a[column] - meanA[column]
                products[column] += centred * (b[column] - meanB[column])
                squares[column] += centred * centred
            }
        }
        return products.indices.map { products[$0] / squares[$0] }
    }
}
