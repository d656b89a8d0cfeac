import Foundation
import Foundations

/// Lines with intervals over one axis, as SVG that takes the page's colours.
struct EvaluationPlot {
    /// What an axis measures.
    struct Axis {
        var title: String
        /// Nil for a plain number.
        var form: EvaluationMetric.Form?

        init(_ title: String, _ form: EvaluationMetric.Form?) {
            self.title = title
            self.form = form
        }

        /// A mark's text: shares in percent.
        func text(_ value: Double) -> String {
            switch form {
            case .share, .change: String(format: "%g %%", (value * 1e6).rounded() / 1e4)
            default: String(format: "%g", (value * 1e6).rounded() / 1e6)
            }
        }
    }

    struct Point {
        var x, y: Double
        var lower, upper: Double?
        /// Told where a pointer rests.
        var label: String
    }

    struct Line {
        var name: String
        /// From 0 to ``EvaluationPlot/colours`` − 1.
        var colour: Int
        var points: [Point]
    }

    var title: String
    var x, y: Axis
    var lines: [Line]

    /// How many lines are told apart.
    static let colours = 8

    private static let (width, height) = (420.0, 280.0)
    private static let (left, right, top, bottom) = (56.0, 14.0, 12.0, 44.0)

    /// Where values lie, a little more than they take, and round marks between.
    struct Scale {
        var low, high: Double
        var marks: [Double]

        init(_ values: [Double]) {
            let finite = values.filter(\.isFinite)
            var (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
            if low == high { (low, high) = (low - max(abs(low) * 0.1, 0.01), high + max(abs(high) * 0.1, 0.01)) }
            // The smallest of 1, 2, 5 times a power of ten that leaves at most six marks.
            let rough = (high - low) / 5
            let power = pow(10, floor(log10(rough)))
            let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 }!
            let first = floor(low / step + 1e-9)
            let last = ceil(high / step - 1e-9)
            self.low = first * step
            self.high = last * step
            marks = stride(from: first, through: last, by: 1).map { $0 * step }
        }

        func place(_ value: Double, _ from: Double, _ to: Double) -> Double { from + (value - low) / (high - low) * (to - from) }
    }

    /// The plot in a figure with its title.
    var figure: String {
        let points = lines.flatMap(\.points)
        guard !points.isEmpty else { return "" }
        let horizontal = Scale(points.map(\.x))
        let vertical = Scale(points.flatMap { [$0.y, $0.lower ?? $0.y, $0.upper ?? $0.y] })
        func x(_ value: Double) -> Double { horizontal.place(value, Self.left, Self.width - Self.right) }
        func y(_ value: Double) -> Double { vertical.place(value, Self.height - Self.bottom, Self.top) }
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        var parts: [String] = []
        for mark in vertical.marks {
            parts.append("<path class=grid d=\"M\(number(Self.left)) \(number(y(mark)))H\(number(Self.width - Self.right))\"/>")
            parts.append("<text x=\(number(Self.left - 6)) y=\(number(y(mark) + 4)) text-anchor=end>\(self.y.text(mark))</text>")
        }
        for mark in horizontal.marks {
            parts.append("<path class=grid d=\"M\(number(x(mark))) \(number(Self.top))V\(number(Self.height - Self.bottom))\"/>")
            parts.append(
                "<text x=\(number(x(mark))) y=\(number(Self.height - Self.bottom + 16)) text-anchor=middle>\(self.x.text(mark))</text>")
        }
        parts.append(
            "<text class=axis x=\(number((Self.left + Self.width - Self.right) / 2)) y=\(number(Self.height - 8)) text-anchor=middle>"
                + "\(HTMLPage.escaped(self.x.title))</text>")
        for line in lines {
            let colour = "series\(line.colour)"
            for point in line.points {
                guard let lower = point.lower, let upper = point.upper else { continue }
                parts.append("<path class=\"interval \(colour)\" d=\"M\(number(x(point.x))) \(number(y(lower)))V\(number(y(upper)))\"/>")
            }
            let path = line.points.enumerated().map { "\($0 == 0 ? "M" : "L")\(number(x($1.x))) \(number(y($1.y)))" }.joined()
            parts.append("<path class=\"line \(colour)\" d=\"\(path)\"/>")
            for point in line.points {
                parts.append(
                    "<circle class=\(colour) cx=\(number(x(point.x))) cy=\(number(y(point.y))) r=3.5><title>\(HTMLPage.escaped(point.label))</title></circle>"
                )
            }
        }
        return
            "<figure><figcaption>\(HTMLPage.escaped(title))</figcaption><svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=img "
            + "aria-label=\"\(HTMLPage.escaped(title))\">\(parts.joined())</svg></figure>"
    }

    /// Colours that stay apart on light and dark paper, and for those who see fewer (after Okabe and Ito, "Color Universal Design", 2008).
    static let style = """
        :root { --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b0468a; --s4: #a06a00; --s5: #2f9ad6; --s6: #6b5bd2; --s7: #5f6b76; }
        @media (prefers-color-scheme: dark) {
          :root { --s0: #56a8e0; --s1: #ff8a3d; --s2: #33c79b; --s3: #e58cc4; --s4: #e0a93a; --s5: #8fd0f5; --s6: #a99cff; --s7: #a7b1bb; }
        }
        .series0 { --own: var(--s0); } .series1 { --own: var(--s1); } .series2 { --own: var(--s2); } .series3 { --own: var(--s3); }
        .series4 { --own: var(--s4); } .series5 { --own: var(--s5); } .series6 { --own: var(--s6); } .series7 { --own: var(--s7); }
        .plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 12px 20px; margin: 12px 0 20px; }
        figure { margin: 0; }
        figcaption { font-size: 14px; font-weight: 600; }
        svg { display: block; width: 100%; height: auto; }
        svg text { font-size: 11px; fill: var(--quiet); }
        .grid { stroke: var(--line); stroke-width: 1; fill: none; }
        .line { stroke: var(--own); stroke-width: 2; fill: none; }
        .interval { stroke: var(--own); stroke-width: 5; stroke-opacity: 0.25; stroke-linecap: round; fill: none; }
        circle { fill: var(--own); stroke: var(--paper); stroke-width: 1; }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 8px 0; }
        .dot { display: inline-block; width: 10px; height: 10px; border-radius: 5px; background: var(--own); margin-right: 6px; }

        """
}
