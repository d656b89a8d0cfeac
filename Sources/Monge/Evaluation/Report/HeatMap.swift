import Foundation
import Foundations

/// Rows of cells as SVG, the darker (on light paper) the larger their number. It keeps its size, and scrolls where the page is narrow.
struct HeatMap {
    struct Cell {
        var value: Double
        /// Told where a pointer rests.
        var title: String
    }

    struct Row {
        var label: String
        /// One for each column; nil where there is nothing.
        var cells: [Cell?]
    }

    /// Columns side by side under one heading.
    struct Group {
        var title: String
        /// What stands above each column; empty for nothing.
        var columns: [String]
    }

    var title: String
    var groups: [Group]
    var rows: [Row]
    /// The number of the scale in words.
    var scale: (Double) -> String
    var cellWidth = 14.0
    var cellHeight = 16.0

    private static let letter = 6.9
    private static let gap = 10.0

    /// The end of a long label, which tells it from others.
    private static func cut(_ label: String) -> String { label.count > 56 ? "…" + label.suffix(55) : label }

    var figure: String {
        guard !rows.isEmpty else { return "" }
        let largest = rows.flatMap(\.cells).compactMap { $0?.value }.filter(\.isFinite).max() ?? 0
        let labels = rows.map { Self.cut($0.label) }
        let left = Double(labels.map(\.count).max()!) * Self.letter + 8
        let hasTitles = groups.contains { !$0.title.isEmpty }
        let top = (hasTitles ? 16.0 : 0) + 16
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        var parts: [String] = []
        var places: [Double] = []
        var x = left
        for group in groups {
            let width = max(Double(group.columns.count) * cellWidth, Double(group.title.count) * Self.letter)
            parts.append("<text x=\(number(x)) y=12>\(HTMLPage.escaped(group.title))</text>")
            for (index, column) in group.columns.enumerated() {
                let place = x + Double(index) * cellWidth
                places.append(place)
                if !column.isEmpty {
                    parts.append(
                        "<text x=\(number(place + cellWidth / 2)) y=\(number(top - 4)) text-anchor=middle>\(HTMLPage.escaped(column))</text>"
                    )
                }
            }
            x += width + Self.gap
        }
        for (index, row) in rows.enumerated() {
            let y = top + Double(index) * cellHeight
            parts.append(
                "<text x=\(number(left - 6)) y=\(number(y + cellHeight - 4)) text-anchor=end class=cell>\(HTMLPage.escaped(labels[index]))</text>"
            )
            for (place, cell) in zip(places, row.cells) {
                guard let cell else { continue }
                let share = largest > 0 && cell.value.isFinite ? cell.value / largest : 0
                parts.append(
                    "<rect x=\(number(place)) y=\(number(y)) width=\(number(cellWidth - 1)) height=\(number(cellHeight - 1)) fill-opacity=\(String(format: "%.3f", 0.06 + 0.94 * share))>"
                        + "<title>\(HTMLPage.escaped(cell.title))</title></rect>")
            }
        }
        let (width, height) = (x - Self.gap + 2, top + Double(rows.count) * cellHeight + 2)
        let steps = stride(from: 0.0, through: 1, by: 0.25).map {
            "<span class=step style=\"opacity: \(String(format: "%.3f", 0.06 + 0.94 * $0))\"></span>"
        }
        return
            "<figure class=heat><figcaption>\(HTMLPage.escaped(title))</figcaption>"
            + "<p class=scale>\(HTMLPage.escaped(scale(0))) \(steps.joined()) \(HTMLPage.escaped(scale(largest)))</p>"
            + "<div class=wide><svg viewBox=\"0 0 \(number(width)) \(number(height))\" style=\"width: \(Int(width.rounded(.up)))px\" role=img "
            + "aria-label=\"\(HTMLPage.escaped(title))\">\(parts.joined())</svg></div></figure>"
    }

    static let style = """
        .heat { margin: 12px 0 20px; }
        .heat svg { max-width: none; }
        .heat rect { fill: var(--s0); }
        .heat .cell { fill: var(--ink); white-space: pre; }
        .scale { display: flex; align-items: center; gap: 2px; margin: 2px 0 6px; font-size: 12px; }
        .step { width: 22px; height: 10px; background: var(--s0); display: inline-block; }
        .step:first-of-type { margin-left: 6px; }
        .step:last-of-type { margin-right: 6px; }

        """
}
