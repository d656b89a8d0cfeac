import Foundation
import Foundations

/// Where a number lies with 95 % confidence, and how that was found.
public struct ConfidenceInterval: Sendable, Codable, Equatable {
    public enum Method: String, Sendable, Codable {
        case wilson = "Wilson"
        case bootstrap
        case student = "t"
    }

    public var lower: Double
    public var upper: Double
    public var method: Method

    public init(lower: Double, upper: Double, method: Method) {
        self.lower = lower
        self.upper = upper
        self.method = method
    }

    /// The score interval of a share (Wilson, "Probable inference, the law of succession, and statistical inference", 1927).
    /// - Precondition: `count` is above 0.
    public static func wilson(successes: Int, of count: Int) -> ConfidenceInterval {
        let (n, z) = (Double(count), normalQuantile)
        let share = Double(successes) / n
        let centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return ConfidenceInterval(lower: max(centre - half, 0), upper: min(centre + half, 1), method: .wilson)
    }

    /// The 0.975 quantile of the normal distribution.
    private static let normalQuantile = 1.959963984540054

    /// Resamples of a bootstrap.
    private static let resamples = 2000

    /// The percentile interval of what is computed from units that are drawn with replacement (Efron, "Bootstrap methods", 1979): units are what is
    /// independent of one another, such as prompts, all of whose continuations come and go together.
    /// - Parameter statistic: Of the numbers of units, each as often as it was drawn.
    /// - Returns: Nil where there are no units.
    public static func bootstrap(units: Int, seed: UInt64 = 0, _ statistic: ([Int]) -> Double) -> ConfidenceInterval? {
        guard units > 0 else { return nil }
        var random = SeededGenerator(seed: seed)
        return percentiles((0..<resamples).map { _ in statistic((0..<units).map { _ in Int.random(in: 0..<units, using: &random) }) })
    }

    /// The middle 95 % of what draws gave.
    private static func percentiles(_ values: [Double]) -> ConfidenceInterval {
        let values = values.sorted()
        func quantile(_ share: Double) -> Double {
            let place = share * Double(values.count - 1)
            let below = Int(place)
            let above = min(below + 1, values.count - 1)
            return values[below] + (place - Double(below)) * (values[above] - values[below])
        }
        return ConfidenceInterval(lower: quantile(0.025), upper: quantile(0.975), method: .bootstrap)
    }

    /// The interval of the mean of the means of groups, each of which is drawn from by itself.
    /// - Returns: Nil where a group is empty.
    public static func bootstrapMean(ofGroups groups: [[Double]], seed: UInt64 = 0) -> ConfidenceInterval? {
        guard !groups.isEmpty, groups.allSatisfy({ !$0.isEmpty }) else { return nil }
        var random = SeededGenerator(seed: seed)
        return percentiles(
            (0..<resamples).map { _ in
                groups.reduce(0) { sum, group in
                    sum + group.indices.reduce(0) { own, _ in own + group[Int.random(in: 0..<group.count, using: &random)] }
                        / Double(group.count)
                } / Double(groups.count)
            })
    }

    /// The interval of the mean of values.
    public static func bootstrapMean(_ values: [Double], seed: UInt64 = 0) -> ConfidenceInterval? {
        bootstrap(units: values.count, seed: seed) { drawn in drawn.reduce(0) { $0 + values[$1] } / Double(drawn.count) }
    }
}
