import Foundation

/// Results as rows of texts, for terminals and pages.
public struct EvaluationTable {
    public var title = ""
    public var header: [String]
    public var rows: [[String]]

    init(header: [String], rows: [[String]]) {
        self.header = header
        self.rows = rows
    }

    /// The rows of an evaluation, with the metrics that are for a terminal.
    public init(rows: [EvaluationRow]) {
        var names: [String] = []
        for metric in rows.flatMap(\.metrics) where metric.isShown && !names.contains(metric.name) { names.append(metric.name) }
        header = ["maps", "λ"] + names
        self.rows = rows.map { row in
            [row.series, Self.strength(row.strength)] + names.map { name in row[name].map(Self.cell) ?? "–" }
        }
    }

    /// Effects at equal costs; nil where there are none.
    public init?(equalCost tables: [EqualCostTable]) {
        guard let first = tables.first else { return nil }
        title = "At equal cost (\(first.cost)), between the strengths that were measured:"
        header = ["effect", "maps"] + EqualCostTable.budgets.map { Self.change($0) }
        var keys: [(effect: String, series: String, isNegative: Bool)] = []
        for cell in tables.flatMap({ table in table.cells.map { (table.effect, $0.series, $0.strength < 0) } })
        where !keys.contains(where: { $0 == cell }) {
            keys.append(cell)
        }
        rows = keys.map { key in
            [key.effect, key.series + (key.isNegative ? " (λ < 0)" : "")]
                + EqualCostTable.budgets.map { budget in
                    let cells = tables.first { $0.effect == key.effect && $0.budget == budget }?.cells ?? []
                    guard let cell = cells.first(where: { $0.series == key.series && ($0.strength < 0) == key.isNegative }) else {
                        return "–"
                    }
                    return Self.cell(cell)
                }
        }
    }

    /// Nothing between what is measured reaches the cost: the last strength and what it costs.
    private static func cell(_ cell: EqualCostTable.Cell) -> String {
        let strength = String(format: "%.2g", cell.strength)
        return "\(percent(cell.effect)) at λ \(strength)" + (cell.isReached ? "" : " (\(change(cell.cost)))")
    }

    public static func strength(_ value: Float) -> String { String(format: "%g", value) }

    /// Three digits that count.
    static func plain(_ value: Double) -> String { String(format: "%.3g", value) }

    static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }

    /// `+12 %`
    static func change(_ value: Double) -> String { String(format: "%+.1f %%", 100 * value).replacing(".0 %", with: " %") }

    /// A value by its form, without what is known of its certainty.
    static func value(_ value: Double, _ form: EvaluationMetric.Form) -> String {
        switch form {
        case .share: percent(value)
        case .change: String(format: "%+.1f %%", 100 * value)
        case .number: String(format: abs(value) < 1 ? "%.3f" : "%.2f", value)
        }
    }

    /// A probability of chance: `p 0.03`.
    static func chance(_ p: Double) -> String { p < 0.001 ? "p < 0.001" : String(format: "p %.2g", p) }

    static func interval(_ metric: EvaluationMetric) -> String? {
        metric.interval.map { "\(value($0.lower, metric.form)) to \(value($0.upper, metric.form)) (\($0.method.rawValue))" }
    }

    /// `12.4 % ± 0.8 (p 0.03)`
    static func cell(_ metric: EvaluationMetric) -> String {
        var text = value(metric.value, metric.form)
        if let spread = metric.spread {
            text += " ± " + (metric.form == .number ? String(format: "%.3f", spread) : String(format: "%.1f", 100 * spread))
        }
        if let test = metric.test { text += " (\(chance(test.p)))" }
        return text
    }
}
