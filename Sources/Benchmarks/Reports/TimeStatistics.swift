/// Order statistics of repeated times, in seconds.
///
/// The median and the quartiles say how long a run takes and how sure that is; unlike a mean they do not follow the odd run that the
/// operating system interrupted.
public struct TimeStatistics: Codable, Sendable, Equatable {
    /// How many runs were timed.
    public var runs: Int
    public var median: Double
    public var lowerQuartile: Double
    public var upperQuartile: Double
    public var fastest: Double
    public var slowest: Double

    /// - Precondition: There is at least one time.
    public init(_ seconds: [Double]) {
        precondition(!seconds.isEmpty, "statistics are of at least one time")
        let sorted = seconds.sorted()
        runs = sorted.count
        median = Self.quantile(sorted, 0.5)
        lowerQuartile = Self.quantile(sorted, 0.25)
        upperQuartile = Self.quantile(sorted, 0.75)
        fastest = sorted[0]
        slowest = sorted[sorted.count - 1]
    }

    /// The distance of the quartiles over the median: half of the runs lie within it.
    public var spread: Double { median > 0 ? (upperQuartile - lowerQuartile) / median : 0 }

    /// Between order statistics, linearly: definition 7 of Hyndman & Fan (1996), which NumPy has as its default.
    static func quantile(_ sorted: [Double], _ level: Double) -> Double {
        let position = level * Double(sorted.count - 1)
        let below = Int(position)
        guard below + 1 < sorted.count else { return sorted[below] }
        return sorted[below] + (position - Double(below)) * (sorted[below + 1] - sorted[below])
    }
}
