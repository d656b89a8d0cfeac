import Foundation
import Foundations

/// A neuron's source, target and transported samples as three histograms over one axis.
struct HistogramFigure {
    var title: String
    var caption: String
    var histogram: Explanation.NeuronHistogram
    /// The ends of the support, drawn where they are finite and in sight.
    var support: [Float]

    private static let (width, height, bottom) = (240.0, 110.0, 16.0)

    var figure: String {
        let (low, high) = (histogram.edges[0], histogram.edges.last!)
        let sets = [("target", histogram.target), ("source", histogram.source), ("transported", histogram.transported)]
        // Sides need not have as many samples: shares are drawn.
        let shares = sets.map { name, counts in (name, counts.map { Double($0) / Double(max(1, counts.reduce(0, +))) }) }
        let largest = shares.flatMap(\.1).max() ?? 1
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        func x(_ value: Double) -> Double { (value - low) / (high - low) * Self.width }
        func y(_ share: Double) -> Double { (Self.height - Self.bottom) * (1 - share / largest * 0.96) }
        let paths = shares.map { name, shares in
            var path = "M0 \(number(y(0)))"
            for (index, share) in shares.enumerated() {
                path += "V\(number(y(share)))H\(number(x(histogram.edges[index + 1])))"
            }
            return "<path class=\"samples \(name)\" d=\"\(path)V\(number(y(0)))\"/>"
        }
        let ends = support.map(Double.init).filter { $0.isFinite && low <= $0 && $0 <= high }.map {
            "<path class=end d=\"M\(number(x($0))) 0V\(number(y(0)))\"/>"
        }
        let labels = [(low, 0.0, "start"), (high, Self.width, "end")].map { value, place, anchor in
            "<text x=\(number(place)) y=\(number(Self.height - 4)) text-anchor=\(anchor)>\(EvaluationTable.plain(value))</text>"
        }
        return
            "<figure><figcaption>\(HTMLPage.escaped(title))</figcaption><svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=img "
            + "aria-label=\"\(HTMLPage.escaped(title))\"><path class=grid d=\"M0 \(number(y(0)))H\(number(Self.width))\"/>"
            + "\(ends.joined())\(paths.joined())\(labels.joined())</svg><p class=note>\(HTMLPage.escaped(caption))</p></figure>"
    }

    static let style = """
        .neurons { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 160px), 1fr)); gap: 14px 18px; margin: 10px 0; }
        .neurons figcaption { overflow-wrap: anywhere; font-size: 13px; }
        .note { font-size: 12px; margin: 0; }
        .samples { stroke-width: 1.5; fill-opacity: 0.18; }
        .source { stroke: var(--s7); fill: var(--s7); }
        .target { stroke: var(--s2); fill: var(--s2); }
        .transported { stroke: var(--s1); fill: none; stroke-width: 2; }
        .end { stroke: var(--quiet); stroke-dasharray: 3 3; }
        .dot.source { background: var(--s7); } .dot.target { background: var(--s2); } .dot.transported { background: var(--s1); }

        """
}
