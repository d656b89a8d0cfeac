import Foundation

/// Explanations as rows of texts, for terminals and pages.
extension EvaluationTable {
    /// All sites, the one that moves most first.
    public init(_ explanation: Explanation) {
        let isMeasured = explanation.samples != nil
        let summaries = Dictionary(uniqueKeysWithValues: explanation.map.sites.map { ($0.name, $0) })
        header = ["rank", "site"]
        header += isMeasured ? ["moves", "W₁ untouched", "before", "after", "nearer by", "outside"] : ["shift"]
        header += ["mean |ω − 1|", "mean |β|"] + (isMeasured ? [] : ["left alone", "with a support", "dead"])
        rows = explanation.ranked.map { site in
            var cells = [String(site.rank), site.name]
            if let movement = site.movement {
                let distances = movement.distances
                func first(_ path: KeyPath<Explanation.Distances, Double>) -> String {
                    distances.map { String(format: "%.3f", $0[keyPath: path]) } ?? "–"
                }
                cells += [
                    Self.percent(movement.relative), first(\.unsteered.first), first(\.before.first), first(\.after.first),
                    movement.reduction.map(Self.percent) ?? "–", Self.percent(movement.outside),
                ]
            } else {
                cells.append(explanation.measure.text(site.shift))
            }
            cells += [Self.plain(site.slope), Self.plain(site.offset)]
            if isMeasured { return cells }
            let summary = summaries[site.name]!
            return cells + [Self.percent(site.leftAlone), Self.percent(summary.boundedShare), String(summary.deadNeurons)]
        }
    }

    /// Some neurons of an explanation.
    public init(neurons: [(site: String, neuron: Explanation.Neuron)], of explanation: Explanation) {
        let isMeasured = explanation.samples != nil
        header = ["site", "neuron", "ω", "β", "low", "high"] + (isMeasured ? ["moves", "W₁ before", "after", "outside"] : ["shift"])
        rows = neurons.map { site, neuron in
            var cells = [site, String(neuron.index)]
            cells += [neuron.omega, neuron.beta, neuron.low, neuron.high].map { Self.plain(Double($0)) }
            guard let movement = neuron.movement else { return cells + [explanation.measure.text(neuron.shift)] }
            return cells + [
                movement.shift.map { String(format: "%.2f σ", $0) } ?? "–", Self.plain(movement.distances.before.first),
                Self.plain(movement.distances.after.first), Self.percent(movement.outside),
            ]
        }
    }

    /// A sentence's tokens: how far each moves, where most, and a line of blocks, one a site, that is higher the farther.
    public init(_ sentence: Explanation.Sentence) {
        let largest = sentence.sites.flatMap(\.relative).compactMap { $0 }.max() ?? 0
        // A line of a terminal: neighbours share a block where there are more sites.
        let width = (sentence.sites.count + 63) / 64
        let blocks = Array("▁▂▃▄▅▆▇█")
        header = ["token", "moves", "most at", "by", "outside", "over the sites, at most \(Self.percent(largest))"]
        rows = sentence.tokens.indices.map { token in
            let own = sentence.sites.map { $0.relative[token] ?? 0 }
            let most = own.indices.max { own[$0] < own[$1] }!
            let line = stride(from: 0, to: own.count, by: width).map { start -> Character in
                let value = own[start..<min(start + width, own.count)].max()!
                return value > 0 ? blocks[min(Int(value / largest * 8), 7)] : "·"
            }
            let outside = sentence.sites.reduce(0) { $0 + $1.outside[token] } / Double(own.count)
            return [
                Explanation.Sentence.label(sentence.tokens[token]), Self.percent(own.reduce(0, +) / Double(own.count)),
                sentence.sites[most].name, Self.percent(own[most]), Self.percent(outside), String(line),
            ]
        }
    }
}

extension Explanation.Sentence {
    /// A token's text where spaces and ends of lines are seen.
    static func label(_ token: String) -> String {
        token.replacing(" ", with: "␣").replacing("\n", with: "⏎").replacing("\t", with: "⇥")
    }
}
