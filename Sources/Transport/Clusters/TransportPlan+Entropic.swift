import Foundation

extension TransportPlan {
    private static let maximumSteps = 20_000
    /// With each larger ε: what comes near is enough.
    private static let stepsOnTheWay = 100
    /// Of the largest difference between a column's sum and its q.
    private static let tolerance = 1e-11

    /// The plan `argmin Σ P_ij·c_ij + ε·Σ P_ij·log P_ij` by Sinkhorn's algorithm (Cuturi 2013) in logarithms, with ε brought down from the largest
    /// cost by halves, each time from the potentials of the one before (Schmitzer 2019). The row sums are p to rounding.
    ///
    /// - Parameters:
    ///   - costs: `[p.count, q.count]`, row-major.
    ///   - p: Positive, with a sum of 1.
    ///   - q: Likewise.
    ///   - epsilon: Above 0.
    package static func entropic(_ costs: [Double], from p: [Double], to q: [Double], epsilon: Double) -> TransportPlan {
        let (rows, columns) = (p.count, q.count)
        var (f, g) = ([Double](repeating: 0, count: rows), [Double](repeating: 0, count: columns))
        /// log Σ exp of some numbers.
        func logSum(_ count: Int, _ value: (Int) -> Double) -> Double {
            let values = (0..<count).map(value)
            let highest = values.max()!
            return highest + log(values.reduce(0) { $0 + exp($1 - highest) })
        }
        var current = max(epsilon, costs.max() ?? 0)
        while true {
            for _ in 0..<(current == epsilon ? maximumSteps : stepsOnTheWay) {
                for j in 0..<columns { g[j] = -current * logSum(rows) { log(p[$0]) + (f[$0] - costs[$0 * columns + j]) / current } }
                for i in 0..<rows { f[i] = -current * logSum(columns) { log(q[$0]) + (g[$0] - costs[i * columns + $0]) / current } }
                let error = (0..<columns).map { j in
                    abs((0..<rows).reduce(0) { $0 + p[$1] * q[j] * exp((f[$1] + g[j] - costs[$1 * columns + j]) / current) } - q[j])
                }.max()!
                if error <= tolerance { break }
            }
            if current == epsilon { break }
            current = max(epsilon, current / 2)
        }
        return TransportPlan(
            masses: (0..<rows * columns).map {
                let (i, j) = ($0 / columns, $0 % columns)
                return p[i] * q[j] * exp((f[i] + g[j] - costs[$0]) / epsilon)
            }, columns: columns)
    }
}
