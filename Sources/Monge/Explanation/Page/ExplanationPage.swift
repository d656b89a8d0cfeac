import Foundation
import Foundations

/// An explanation as one HTML file that asks for nothing else. It needs no JavaScript, follows the reader's choice of light or dark, and fits a phone.
public struct ExplanationPage {
    /// What else the page says, in its head: the model, the date.
    public var facts: [String] = []
    /// The command that made it.
    public var command = ""
    private let explanation: Explanation
    private let name: String

    /// - Parameter name: What the map is called.
    public init(_ explanation: Explanation, name: String) {
        self.explanation = explanation
        self.name = name
    }

    private var isMeasured: Bool { explanation.samples != nil }
    private var measure: Explanation.Measure { explanation.measure }

    public func html() -> String {
        HTMLPage.fill(
            Self.page,
            [
                "title": "What \(HTMLPage.escaped(name)) does",
                "style": HTMLPage.style + EvaluationPlot.style + HeatMap.style + HistogramFigure.style + EvaluationPage.style,
                "facts": ([explanation.map.headline, "λ = \(EvaluationTable.strength(explanation.strength))"] + facts)
                    .map { "<li>\(HTMLPage.escaped($0))</li>" }.joined(),
                "command": HTMLPage.escaped(command),
                "sites": sites,
                "neurons": neurons,
                "sentence": explanation.sentence.map(sentence) ?? "",
            ])
    }

    // MARK: Sites

    private var sites: String {
        var parts = ["<h2>Sites</h2>"]
        if let samples = explanation.samples {
            parts.append(
                "<p>Measured on \(samples.source) source and \(samples.target) target samples (\(samples.pooling)-pooled, \(samples.sourceTokens) source tokens). "
                    + "A token moves by ‖y − x‖/‖x‖, x its activation as it comes to the map, with the maps of earlier sites in place, and y as it goes on.</p>"
            )
            parts.append(
                grid("How far tokens move, ‖y − x‖/‖x‖", { $0.movement?.relative }, EvaluationTable.percent))
            parts.append(distances(samples))
            parts.append(grid("Outside the support, share of activations", { $0.movement?.outside }, EvaluationTable.percent))
        } else {
            parts.append(
                "<p>By the map's own numbers. On sentences of a language model it is measured: <code>--model</code>, <code>--source</code>, <code>--target</code>.</p>"
            )
            parts.append(grid("\(measure.title), the mean over neurons", { $0.shift }, measure.text))
        }
        let table = EvaluationTable(explanation)
        let shown = 12
        if table.rows.count > shown {
            parts.append(EvaluationTable(header: table.header, rows: Array(table.rows.prefix(shown))).html(textColumns: 2))
            parts.append("<details><summary>All \(table.rows.count) sites</summary>\(table.html(textColumns: 2))</details>")
        } else {
            parts.append(table.html(textColumns: 2))
        }
        return parts.joined(separator: "\n")
    }

    private func grid(_ title: String, _ value: (Explanation.Site) -> Double?, _ text: (Double) -> String) -> String {
        SiteGrid(
            title: title,
            rows: SiteGrid.rows(
                explanation.sites.map { site in
                    SiteGrid.Value(site: site.name, value: value(site), text: value(site).map(text) ?? "–")
                })
        ).figure
    }

    /// W₁ over layers, a plot for each kind of site that has several.
    private func distances(_ samples: Explanation.Samples) -> String {
        let target = samples.steersTarget ? "with the maps of earlier sites in place" : "on the untouched model, as the map was fitted"
        let plots = SiteGrid.kinds(explanation.sites.map(\.name)).filter { $0.indices.count > 1 }.map { kind, indices in
            func line(_ name: String, _ colour: Int, _ path: KeyPath<Explanation.Distances, Double>) -> EvaluationPlot.Line {
                EvaluationPlot.Line(
                    name: name, colour: colour,
                    points: indices.compactMap { index in
                        let site = explanation.sites[index]
                        return site.movement?.distances.map { distances in
                            EvaluationPlot.Point(
                                x: Double(SiteGrid.Place(site.name).layer ?? 0), y: distances[keyPath: path],
                                label: "\(site.name), \(name): \(EvaluationTable.plain(distances[keyPath: path]))")
                        }
                    })
            }
            return EvaluationPlot(
                title: kind, x: .init("layer", nil), y: .init("W₁", nil),
                lines: [
                    line("untouched model", 7, \.unsteered.first), line("before the site's map", 0, \.before.first),
                    line("after it", 1, \.after.first),
                ]
            ).figure
        }
        return
            "<h3>From source to target</h3><p>Wasserstein distance W₁ between source and target samples, neuron by neuron in units of its own spread, and the mean over "
            + "neurons: on the untouched model, before the site's map (earlier maps in place), and after it. The target is seen \(target).</p>"
            + "<ul class=legend><li><span class=\"dot series7\"></span>untouched model</li><li><span class=\"dot series0\"></span>before the site's map</li>"
            + "<li><span class=\"dot series1\"></span>after it</li></ul><div class=plots>\(plots.joined(separator: "\n"))</div>"
    }

    // MARK: Neurons

    private var neurons: String {
        let ranked = explanation.rankedNeurons
        guard !ranked.isEmpty else { return "" }
        guard isMeasured else {
            return "<h2>Neurons</h2><p>Those that move farthest: \(HTMLPage.escaped(measure.title)).</p>"
                + EvaluationTable(neurons: Array(ranked.prefix(24)), of: explanation).html()
        }
        func figures(_ neurons: [(site: String, neuron: Explanation.Neuron)], named: Bool) -> String {
            "<div class=neurons>\(neurons.compactMap { figure($0.neuron, at: named ? $0.site : nil) }.joined(separator: "\n"))</div>"
        }
        let bySite = explanation.ranked.map { site in
            "<h3>\(HTMLPage.escaped(site.name))</h3>" + figures(site.neurons.map { (site.name, $0) }, named: false)
        }
        return
            "<h2>Neurons</h2><p>Samples of the neurons that move farthest in units of their spread. σ is the root mean square of the standard deviations of source and target; "
            + "dashed lines are the ends of the support.</p>"
            + "<ul class=legend><li><span class=\"dot source\"></span>source</li><li><span class=\"dot target\"></span>target</li>"
            + "<li><span class=\"dot transported\"></span>source after the map</li></ul>" + figures(Array(ranked.prefix(12)), named: true)
            + "<details><summary>The neurons of each site</summary>\(bySite.joined(separator: "\n"))</details>"
    }

    /// - Parameter site: What stands before the neuron's number.
    private func figure(_ neuron: Explanation.Neuron, at site: String?) -> String? {
        neuron.movement.map { movement in
            let unit = movement.spread > 0 ? movement.spread : 1
            let (before, after) = (movement.distances.before.first / unit, movement.distances.after.first / unit)
            return HistogramFigure(
                title: (site.map { SiteGrid.shortName($0) + " · " } ?? "neuron ") + String(neuron.index),
                caption: String(
                    format: "ω %.3g, β %.3g; W₁ %.2f → %.2f%@; %.1f %% of tokens outside", neuron.omega, neuron.beta, before, after,
                    movement.spread > 0 ? " σ" : "", 100 * movement.outside),
                histogram: movement.histogram, support: [neuron.low, neuron.high]
            ).figure
        }
    }

    // MARK: The sentence

    private func sentence(_ sentence: Explanation.Sentence) -> String {
        let kinds = SiteGrid.kinds(sentence.sites.map(\.name))
        let order = kinds.flatMap(\.indices)
        let groups = kinds.map { kind, indices in
            HeatMap.Group(
                title: kind,
                columns: indices.map { index in
                    SiteGrid.Place(sentence.sites[index].name).layer.map { $0 % 5 == 0 ? String($0) : "" } ?? ""
                })
        }
        func map(_ title: String, _ value: (Explanation.SentenceSite, Int) -> Double?) -> String {
            HeatMap(
                title: title, groups: groups,
                rows: sentence.tokens.enumerated().map { token, text in
                    HeatMap.Row(
                        label: Explanation.Sentence.label(text),
                        cells: order.map { index in
                            let site = sentence.sites[index]
                            return value(site, token).map {
                                HeatMap.Cell(
                                    value: $0, title: "\(Explanation.Sentence.label(text)) at \(site.name): \(EvaluationTable.percent($0))")
                            }
                        })
                }, scale: EvaluationTable.percent, cellWidth: 10
            ).figure
        }
        return
            "<h2>What a sentence feels</h2><p>Each token (downwards) at each site (across, layer by layer), as the map is in place: how far it moves, and which share of its neurons "
            + "is outside the support, where the map leaves them alone.</p><p><q>\(HTMLPage.escaped(sentence.text))</q></p>"
            + map("‖y − x‖/‖x‖", { $0.relative[$1] }) + map("Neurons outside the support", { $0.outside[$1] })
    }

    private static let page =
        HTMLPage.head + """
            <body>
            <header>
            <h1>{{title}}</h1>
            <ul class="facts">{{facts}}</ul>
            <p><code>{{command}}</code></p>
            </header>
            <main>
            {{sites}}
            {{neurons}}
            {{sentence}}
            </main>
            </body>
            </html>

            """
}
