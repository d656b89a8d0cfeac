/// Numbers of sites, a row for each kind of site and a column for each layer.
struct SiteGrid {
    struct Value {
        var site: String
        /// Nil where it is not known.
        var value: Double?
        /// The value in words.
        var text: String
    }

    /// Where a site stands: its path with the first number taken out, and that number.
    struct Place: Equatable {
        var kind: String
        /// Nil for a site of no layer.
        var layer: Int?

        init(_ site: String) {
            guard let match = site.firstMatch(of: /(?:^|\.)([0-9]+)(?:[.:](.+))?$/), let number = Int(match.1) else {
                (kind, layer) = (site, nil)
                return
            }
            let before = site[..<match.range.lowerBound]
            let after = match.2.map(String.init) ?? ""
            // What all layers of a language model have in common says nothing.
            let isLayer = ["model.layers", "transformer.h"].contains(before) && !after.isEmpty
            kind = isLayer ? after : "\(before).*" + (after.isEmpty ? "" : ".\(after)")
            layer = number
        }
    }

    /// A site's name where there is little room.
    static func shortName(_ site: String) -> String {
        let place = Place(site)
        return place.layer.map { place.kind.contains("*") ? site : "layer \($0) \(place.kind)" } ?? site
    }

    struct Row {
        var label: String
        var values: [(layer: Int?, value: Value)]
    }

    var title: String
    var rows: [Row]

    /// The rows of one map's sites, each kind where its first site is.
    /// - Parameter prefix: What stands before each kind.
    static func rows(_ values: [Value], prefix: String = "") -> [Row] {
        kinds(values.map(\.site)).map { kind, indices in
            Row(label: prefix + kind, values: indices.map { (Place(values[$0].site).layer, values[$0]) })
        }
    }

    /// The kinds of some sites, each with the places of its own among them.
    static func kinds(_ sites: [String]) -> [(kind: String, indices: [Int])] {
        sites.enumerated().reduce(into: [(kind: String, indices: [Int])]()) { kinds, site in
            let kind = Place(site.element).kind
            if let known = kinds.firstIndex(where: { $0.kind == kind }) {
                kinds[known].indices.append(site.offset)
            } else {
                kinds.append((kind, [site.offset]))
            }
        }
    }

    var figure: String {
        let layers = Set(rows.flatMap { $0.values.compactMap(\.layer) }).sorted()
        // Sites of no layer have the first column, as a row of their own.
        let columns = layers.isEmpty ? [""] : layers.map { $0 % 5 == 0 || layers.count < 8 ? String($0) : "" }
        let scale = rows.flatMap(\.values).filter { $0.value.value != nil }
        let largest = scale.max { $0.value.value! < $1.value.value! }?.value.text ?? "–"
        return HeatMap(
            title: title, groups: [HeatMap.Group(title: "", columns: columns)],
            rows: rows.map { row in
                var cells = [HeatMap.Cell?](repeating: nil, count: columns.count)
                for (layer, value) in row.values {
                    let column = layer.map { layers.firstIndex(of: $0)! } ?? 0
                    cells[column] = value.value.map { HeatMap.Cell(value: $0, title: "\(value.site): \(value.text)") }
                }
                return HeatMap.Row(label: row.label, cells: cells)
            }, scale: { $0 == 0 ? "0" : largest }
        ).figure
    }
}
