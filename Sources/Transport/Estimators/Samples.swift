/// Samples of some neurons, in double precision.
package struct Samples: Sendable {
    let count: Int
    let channels: Int
    /// `[count, channels]`, row-major.
    let values: [Double]

    /// - Parameters:
    ///   - values: `[…, width]`, row-major.
    ///   - columns: Those of `width` that are taken.
    package init(_ values: [Float], width: Int, columns: Range<Int>) {
        precondition(width > 0 && values.count % width == 0 && columns.upperBound <= width, "samples are rows of \(width) numbers")
        count = values.count / width
        channels = columns.count
        var taken = [Double]()
        taken.reserveCapacity(count * channels)
        for row in 0..<count { taken += values[row * width + columns.lowerBound..<row * width + columns.upperBound].lazy.map(Double.init) }
        self.values = taken
    }

    private init(count: Int, channels: Int, values: [Double]) {
        (self.count, self.channels, self.values) = (count, channels, values)
    }

    /// Some of the samples.
    subscript(rows: [Int]) -> Samples {
        Samples(count: rows.count, channels: channels, values: rows.flatMap { values[$0 * channels..<($0 + 1) * channels] })
    }

    /// One sample.
    func row(_ index: Int) -> [Double] { Array(values[index * channels..<(index + 1) * channels]) }

    /// These and others below them.
    func followed(by other: Samples) -> Samples {
        Samples(count: count + other.count, channels: channels, values: values + other.values)
    }

    /// Sample i of these less sample i of others.
    static func - (a: Samples, b: Samples) -> Samples {
        precondition(a.count == b.count && a.channels == b.channels, "pairs of samples")
        return Samples(count: a.count, channels: a.channels, values: zip(a.values, b.values).map { $0 - $1 })
    }

    var mean: [Double] {
        var sum = [Double](repeating: 0, count: channels)
        forEach { _, row in for j in row.indices { sum[j] += row[j] } }
        return sum.map { $0 / Double(count) }
    }

    /// ⟨sample, direction⟩ of each.
    func projections(on direction: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: count)
        forEach { index, row in result[index] = dot(row, direction) }
        return result
    }

    func forEach(_ body: (Int, UnsafeBufferPointer<Double>) -> Void) {
        values.withUnsafeBufferPointer { values in
            for index in 0..<count { body(index, UnsafeBufferPointer(rebasing: values[index * channels..<(index + 1) * channels])) }
        }
    }
}

/// ⟨a, b⟩.
func dot(_ a: some Collection<Double>, _ b: some Collection<Double>) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

func dot(_ a: UnsafeBufferPointer<Double>, _ b: [Double]) -> Double {
    b.withUnsafeBufferPointer { b in
        // Four sums, so that additions do not wait for one another.
        var sums: (Double, Double, Double, Double) = (0, 0, 0, 0)
        let whole = a.count & ~3
        for index in stride(from: 0, to: whole, by: 4) {
            sums.0 += a[index] * b[index]
            sums.1 += a[index + 1] * b[index + 1]
            sums.2 += a[index + 2] * b[index + 2]
            sums.3 += a[index + 3] * b[index + 3]
        }
        var sum = (sums.0 + sums.1) + (sums.2 + sums.3)
        for index in whole..<a.count { sum += a[index] * b[index] }
        return sum
    }
}

extension [Double] {
    var norm: Double { dot(self, self).squareRoot() }

    /// The same direction with length 1; itself where it has none.
    var normalised: [Double] {
        let norm = norm
        return norm > 0 ? map { $0 / norm } : self
    }

    /// Adds `factor · other`.
    mutating func add(_ other: some Collection<Double>, times factor: Double) {
        for (index, value) in zip(indices, other) { self[index] += factor * value }
    }
}
