/// Effects of several series at equal costs: what each gives at the strength at which it costs so much.
public struct EqualCostTable: Sendable, Codable, Equatable {
    /// A series at a cost.
    public struct Cell: Sendable, Codable, Equatable {
        public var series: String
        /// The strength at which the series costs so much, between those that were measured.
        public var strength: Double
        /// The effect there.
        public var effect: Double
        /// What the series costs there: the table's cost, or less where no strength that was measured costs so much.
        public var cost: Double
        /// Whether the series reaches the cost.
        public var isReached: Bool
    }

    /// The metrics that are compared.
    public var effect: String
    public var cost: String
    /// The cost, as a share of what the model as it is has: 0.1 for 10 % more.
    public var budget: Double
    public var cells: [Cell]

    /// The costs at which series are compared.
    public static let budgets = [0.02, 0.05, 0.1, 0.2, 0.5]

    /// A point of a series.
    public struct Point: Sendable {
        public var strength, cost, effect: Double

        public init(strength: Double, cost: Double, effect: Double) {
            (self.strength, self.cost, self.effect) = (strength, cost, effect)
        }
    }

    /// Where a series first reaches a cost on the way from the model as it is through its strengths, with straight lines between them.
    /// - Parameter points: From the model as it is on, outwards.
    public static func cell(_ series: String, _ points: [Point], budget: Double) -> Cell? {
        guard var before = points.first else { return nil }
        for point in points.dropFirst() {
            if point.cost >= budget, point.cost > before.cost {
                let share = (budget - before.cost) / (point.cost - before.cost)
                func between(_ from: Double, _ to: Double) -> Double { from + share * (to - from) }
                return Cell(
                    series: series, strength: between(before.strength, point.strength), effect: between(before.effect, point.effect),
                    cost: budget, isReached: true)
            }
            before = point
        }
        return Cell(series: series, strength: before.strength, effect: before.effect, cost: before.cost, isReached: false)
    }

    /// A table for each effect and budget; none where there is no cost or no series.
    public static func tables(_ rows: [EvaluationRow], series: [String]) -> [EqualCostTable] {
        guard let origin = rows.first(where: { $0.series == EvaluationVariant.unsteered }), !series.isEmpty,
            let cost = origin.metrics.first(where: { $0.role == .cost })?.name
        else { return [] }
        return origin.metrics.filter { $0.role == .effect }.flatMap { effect in
            budgets.compactMap { budget in
                let cells = series.flatMap { name -> [Cell] in
                    let own = rows.filter { $0.series == name }
                    // Strengths below 0 lead the other way.
                    return [own.filter { $0.strength > 0 }, own.filter { $0.strength < 0 }.reversed()].compactMap { side in
                        let points = ([origin] + side).compactMap { row in
                            row[cost].flatMap { cost in
                                row[effect.name].map { Point(strength: Double(row.strength), cost: cost.value, effect: $0.value) }
                            }
                        }
                        return points.count > 1 ? cell(name, points, budget: budget) : nil
                    }
                }
                return cells.isEmpty ? nil : EqualCostTable(effect: effect.name, cost: cost, budget: budget, cells: cells)
            }
        }
    }
}
