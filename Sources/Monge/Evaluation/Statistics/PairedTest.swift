import Foundation

/// Student's t test of paired differences: whether their mean is 0.
public struct PairedTest: Sendable, Codable, Equatable {
    /// How many pairs there are.
    public var count: Int
    /// The mean difference, with the 95 % interval of the t distribution.
    public var difference: Double
    public var interval: ConfidenceInterval
    /// The two-sided probability of a mean as far from 0 where the true one is 0.
    public var p: Double

    /// - Returns: Nil for fewer than two pairs.
    public init?(_ differences: [Double]) {
        guard differences.count > 1 else { return nil }
        let n = Double(differences.count)
        let mean = differences.reduce(0, +) / n
        let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        let error = (variance / n).squareRoot()
        count = differences.count
        difference = mean
        // Pairs that all differ alike leave nothing to chance.
        p = error == 0 ? (mean == 0 ? 1 : 0) : StudentDistribution.twoSided(mean / error, freedom: n - 1)
        let half = error * StudentDistribution.quantile(0.975, freedom: n - 1)
        interval = ConfidenceInterval(lower: mean - half, upper: mean + half, method: .student)
    }
}

/// Student's t distribution.
enum StudentDistribution {
    /// P(|T| ≥ |t|).
    static func twoSided(_ t: Double, freedom: Double) -> Double {
        incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
    }

    /// The t below which a share of the distribution lies, for shares above one half: by halving, to the last digits.
    static func quantile(_ share: Double, freedom: Double) -> Double {
        let tail = 2 * (1 - share)
        var (low, high) = (0.0, 1.0)
        while twoSided(high, freedom: freedom) > tail { high *= 2 }
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if twoSided(middle, freedom: freedom) > tail { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun, 26.5.8) evaluated by Lentz's method.
    static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        if x <= 0 { return 0 }
        if x >= 1 { return 1 }
        // The fraction converges quickly below this, and I_x(a, b) = 1 − I_{1−x}(b, a).
        if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
        let normaliser = lgamma(a + b) - lgamma(a) - lgamma(b)
        let front = exp(a * log(x) + b * log(1 - x) + normaliser) / a
        let tiny = 1e-300
        func nonzero(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / nonzero(1 - (a + b) * x / (a + 1))
        var fraction = d
        for index in 1...300 {
            let m = Double(index)
            let place = a + 2 * m
            let even = m * (b - m) * x / ((place - 1) * place)
            d = 1 / nonzero(1 + even * d)
            c = nonzero(1 + even / c)
            fraction *= d * c
            let odd = -(a + m) * (a + b + m) * x / (place * (place + 1))
            d = 1 / nonzero(1 + odd * d)
            c = nonzero(1 + odd / c)
            fraction *= d * c
            if abs(d * c - 1) < 1e-15 { break }
        }
        return front * fraction
    }
}
