import Foundation
import Foundations

/// An evaluation as one HTML file that asks for nothing else: plots, tables and texts. It needs no JavaScript, follows the reader's choice of light or dark, and
/// fits a phone.
public struct EvaluationPage {
    /// What else the page says, in its head: the model, the date.
    public var facts: [String] = []
    /// The command that made it.
    public var command = ""
    private let file: EvaluationFile
    private let series: [String]
    private let maps: [EvaluationSeries]

    /// - Parameter series: In their order.
    public init(_ file: EvaluationFile, series: [EvaluationSeries]) {
        self.file = file
        self.series = series.map(\.name)
        maps = series
    }

    private var rows: [EvaluationRow] { file.rows }

    public func html() -> String {
        HTMLPage.fill(
            Self.page,
            [
                "title": "Evaluation: \(file.task)",
                "style": HTMLPage.style + EvaluationPlot.style + HeatMap.style + Self.style,
                "heading": HTMLPage.escaped(Self.headings[file.task] ?? file.task),
                "facts": facts.map { "<li>\(HTMLPage.escaped($0))</li>" }.joined(),
                "command": HTMLPage.escaped(command),
                "legend": legend,
                "plots": plots,
                "leftOut": leftOut,
                "table": EvaluationTable(rows: rows).html(),
                "movement": movement,
                "equal": equal,
                "details": details,
                "examples": examples,
                "settings": file.settings.map {
                    "<tr><th scope=row>\(HTMLPage.escaped($0.name))</th><td>\(HTMLPage.escaped($0.value))</td></tr>"
                }
                .joined(),
            ])
    }

    private static let headings = [
        "toxicity": "Toxicity of continuations", "concept": "Continuations on topic", "truthfulqa": "TruthfulQA", "mmlu": "MMLU",
        "perplexity": "Perplexity", "side-effects": "What maps cost",
    ]

    private var legend: String {
        series.count < 2
            ? ""
            : "<ul class=legend>"
                + series.enumerated().map {
                    "<li><span class=\"dot series\($0 % EvaluationPlot.colours)\"></span>\(HTMLPage.escaped($1))</li>"
                }
                .joined() + "</ul>"
    }

    /// Effect against cost, then each shown metric over strengths.
    private var plots: String {
        guard let origin = rows.first(where: { $0.series == EvaluationVariant.unsteered }), !series.isEmpty else { return "" }
        let cost = origin.metrics.first { $0.role == .cost }
        let effects = origin.metrics.filter { $0.role == .effect }
        let sweeps = rows.flatMap(\.metrics).filter(\.isShown).reduce(into: [EvaluationMetric]()) { known, metric in
            if !known.contains(where: { $0.name == metric.name }) { known.append(metric) }
        }
        var figures =
            cost.map { cost in
                effects.map { effect in
                    EvaluationPlot(
                        title: "\(effect.name) against \(cost.name)", x: .init(cost.name, cost.form), y: .init(effect.name, effect.form),
                        lines: lines { row in row[cost.name].flatMap { cost in row[effect.name].map { (cost.value, $0) } } })
                }
            } ?? []
        figures += sweeps.map { metric in
            EvaluationPlot(
                title: "\(metric.name) over λ", x: .init("λ", nil), y: .init(metric.name, metric.form),
                lines: lines { row in row[metric.name].map { (Double(row.strength), $0) } })
        }
        return figures.map(\.figure).joined(separator: "\n")
    }

    /// What plots leave to the tables: strengths that double the cost and more, beside which all others would lie in a corner. None where there are no others.
    private var beyondPlots: [EvaluationRow] {
        let cost = rows.lazy.flatMap(\.metrics).first { $0.role == .cost && $0.form == .change }
        guard let cost else { return [] }
        let steered = rows.filter { $0.series != EvaluationVariant.unsteered }
        let beyond = steered.filter { row in row[cost.name].map { $0.value > 1 } ?? false }
        return beyond.count < steered.count ? beyond : []
    }

    private var leftOut: String {
        let names = beyondPlots.map { "\($0.series) at λ = \(EvaluationTable.strength($0.strength))" }
        return names.isEmpty
            ? "" : "<p>Not drawn, since they cost more than +100 %: \(HTMLPage.escaped(names.joined(separator: ", "))).</p>"
    }

    /// A line for each series, the model as it is in its place among the strengths.
    private func lines(_ point: (EvaluationRow) -> (Double, EvaluationMetric)?) -> [EvaluationPlot.Line] {
        let beyond = beyondPlots
        let drawn = rows.filter { row in !beyond.contains { $0.series == row.series && $0.strength == row.strength } }
        return series.enumerated().map { index, name in
            let own = drawn.filter { $0.series == name || $0.series == EvaluationVariant.unsteered }.sorted { $0.strength < $1.strength }
            return EvaluationPlot.Line(
                name: name, colour: index % EvaluationPlot.colours,
                points: own.compactMap { row in
                    point(row).map { x, metric in
                        EvaluationPlot.Point(
                            x: x, y: metric.value, lower: metric.interval?.lower, upper: metric.interval?.upper,
                            label: "\(name), λ = \(EvaluationTable.strength(row.strength)): \(EvaluationTable.cell(metric))")
                    }
                })
        }
    }

    private var equal: String {
        guard let equal = EvaluationTable(equalCost: file.equalCost) else { return "" }
        return
            "<h2>At equal cost</h2><p>What each series gives at the strength at which it costs as much as the column says (\(file.equalCost[0].cost)), on straight lines between "
            + "the strengths that were measured. Where a series never costs so much, its last strength, with what it costs in brackets.</p>"
            + equal.html(textColumns: 2)
    }

    /// How far each map moves its sites at λ = 1, by its own numbers: a picture for each way in which that is told.
    private var movement: String {
        let explained = maps.flatMap { series in
            // Folds are fitted alike: the first stands for both.
            series.folds[0].enumerated().map { index, map in
                (name: series.folds[0].count == 1 ? series.name : "\(series.name), map \(index + 1)", Explanation(map.at(1), neurons: 0))
            }
        }
        guard !explained.isEmpty else { return "" }
        let pictures = Explanation.Measure.allCases.compactMap { measure -> String? in
            let own = explained.filter { $0.1.measure == measure }
            guard !own.isEmpty else { return nil }
            let rows = own.flatMap { name, explanation in
                SiteGrid.rows(
                    explanation.sites.map { SiteGrid.Value(site: $0.name, value: $0.shift, text: measure.text($0.shift)) },
                    prefix: explained.count > 1 ? name + ": " : "")
            }
            return SiteGrid(title: "At λ = 1: \(measure.title), the mean over neurons", rows: rows).figure
        }
        return
            "<h2>How far each site moves</h2><p>By the numbers of the maps alone. <code>monge explain</code> measures it on sentences, neuron by neuron.</p>"
            + pictures.joined(separator: "\n")
    }

    /// Every number with its interval, a row a number.
    private var details: String {
        let cells = rows.flatMap { row in
            row.metrics.map { metric in
                [
                    row.series, EvaluationTable.strength(row.strength), metric.name, EvaluationTable.value(metric.value, metric.form),
                    EvaluationTable.interval(metric) ?? "",
                    metric.spread.map { EvaluationTable.value($0, metric.form == .change ? .share : metric.form) } ?? "",
                    metric.test.map { EvaluationTable.chance($0.p) } ?? "", metric.mark ?? "",
                ]
            }
        }
        let table = EvaluationTable(
            header: ["maps", "λ", "number", "value", "95 % interval", "± over seeds", "against unsteered", ""], rows: cells)
        return
            "<details><summary>All numbers, with intervals and tests</summary><p>Intervals are Wilson's for shares of independent answers, percentile bootstraps with 2000 draws elsewhere "
            + "(over prompts, sentences or questions), t for differences. Tests are Student's, of paired differences to the model as it is.</p>"
            + table.html(textColumns: 8) + "</details>"
    }

    /// Each prompt with what comes after it in every row.
    private var examples: String {
        var prompts: [String] = []
        for example in rows.flatMap(\.examples) where !prompts.contains(example.prompt) { prompts.append(example.prompt) }
        guard !prompts.isEmpty else { return "" }
        let sections = prompts.map { prompt -> String in
            let items = rows.flatMap { row in
                row.examples.filter { $0.prompt == prompt }.prefix(3).map { example in
                    let title = row.strength == 0 ? row.series : "\(row.series), λ = \(EvaluationTable.strength(row.strength))"
                    return "<div class=example><span>\(HTMLPage.escaped(title))</span><q>\(HTMLPage.escaped(example.text))</q></div>"
                }
            }
            return "<section><h3>\(HTMLPage.escaped(prompt))</h3>\(items.joined())</section>"
        }
        return "<h2>Texts</h2><p>Some prompts, not chosen by what came of them.</p>" + sections.joined(separator: "\n")
    }

    private static let page =
        HTMLPage.head + """
            <body>
            <header>
            <h1>{{heading}}</h1>
            <ul class="facts">{{facts}}</ul>
            <p><code>{{command}}</code></p>
            {{legend}}
            </header>
            <main>
            <div class="plots">
            {{plots}}
            </div>
            {{leftOut}}
            {{table}}
            {{equal}}
            {{movement}}
            {{details}}
            {{examples}}
            <details><summary>Settings</summary><div class=wide><table class=small><tbody>{{settings}}</tbody></table></div></details>
            </main>
            </body>
            </html>

            """

    /// What the tables and sections of evaluations look like.
    static let style = """
        .number { text-align: right; white-space: nowrap; }
        thead th { font-weight: 600; }
        tbody th { font-weight: 400; white-space: nowrap; }
        details { margin: 16px 0; }
        summary { cursor: pointer; color: var(--accent); }
        section { border-top: 1px solid var(--line); padding: 8px 0 10px; }
        h3 { font-size: 15px; font-weight: 600; margin: 0 0 4px; overflow-wrap: anywhere; }
        .example { display: grid; grid-template-columns: minmax(120px, 200px) 1fr; gap: 2px 16px; padding: 3px 0; }
        .example span { color: var(--quiet); font-size: 13px; }
        .example q { quotes: none; overflow-wrap: anywhere; }
        @media (max-width: 560px) { body { padding: 14px; } .example { grid-template-columns: 1fr; } }
        """
}
