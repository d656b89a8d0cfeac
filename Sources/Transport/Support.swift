/// Where a map acts: everywhere, or between two quantiles of each neuron's source activations (names as in ml-act).
public enum Support: Hashable, Sendable, CustomStringConvertible {
    /// Everywhere.
    case all
    /// Strictly between the quantiles at two levels, given in percent.
    case quantiles(lowerPercent: Double, upperPercent: Double)

    /// The names a user can give, in the order of how much they keep.
    public static let names = [
        "all", "q_0_100", "q_0.5_99.5", "q_1_99", "q_2_98", "q_5_95", "q_10_90", "q_20_80", "q_30_70", "q_40_60",
    ]

    /// Between the smallest and the largest source activation.
    public static let minimumToMaximum = Support.quantiles(lowerPercent: 0, upperPercent: 100)

    /// The support of the given name, nil when there is none.
    public init?(name: String) {
        guard Support.names.contains(name) else { return nil }
        if name == "all" {
            self = .all
            return
        }
        let levels = name.split(separator: "_").dropFirst().compactMap { Double($0) }
        self = .quantiles(lowerPercent: levels[0], upperPercent: levels[1])
    }

    /// The levels in 0 ... 1 of the two quantiles; nil for everywhere.
    public var levels: (lower: Float, upper: Float)? {
        switch self {
        case .all: nil
        case .quantiles(let lower, let upper): (Float(lower / 100), Float(upper / 100))
        }
    }

    public var description: String {
        func text(_ percent: Double) -> String { percent == percent.rounded() ? String(Int(percent)) : String(percent) }
        switch self {
        case .all: return "all"
        case .quantiles(let lower, let upper): return "q_\(text(lower))_\(text(upper))"
        }
    }
}
