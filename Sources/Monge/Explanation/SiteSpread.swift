import Tensors
import Transport

/// The samples of one site, `[samples, channels]` each, and what they say of the map there.
struct SiteSpread {
    /// On the untouched model.
    var plainSource, plainTarget: [Float]
    /// As the map sees them.
    var source, target: [Float]
    /// The source after the map.
    var transported: [Float]
    let channels: Int

    /// How many bins a histogram has.
    static let bins = 24

    /// One neuron's samples in ascending order, and how far they are apart.
    private struct Column {
        var source, target, transported: [Float]
        var distances: Explanation.Distances
        /// The root mean square of the standard deviations of source and target; 0 where that is no more than rounding.
        var spread: Double
        /// The mean of |y − x| over source samples.
        var shift: Double
    }

    private func column(_ neuron: Int) -> Column {
        func values(_ samples: [Float]) -> [Float] { stride(from: neuron, to: samples.count, by: channels).map { samples[$0] } }
        let (x, y) = (values(source), values(transported))
        let shift = zip(x, y).reduce(0) { $0 + abs(Double($1.0) - Double($1.1)) } / Double(x.count)
        let (a, b, c) = (x.sorted(), values(target).sorted(), y.sorted())
        let deviations = [a, b].map(Self.deviation)
        let mean = max(abs(Double(a[a.count / 2])), abs(Double(b[b.count / 2])))
        let spread = ((deviations[0] * deviations[0] + deviations[1] * deviations[1]) / 2).squareRoot()
        let rounding = max(Double(FitColumnsOperation.deadDeviation), Double(FitColumnsOperation.deadRatio) * mean)
        return Column(
            source: a, target: b, transported: c,
            distances: Explanation.Distances(
                unsteered: WassersteinDistance(sorted: values(plainSource).sorted(), values(plainTarget).sorted()),
                before: WassersteinDistance(sorted: a, b), after: WassersteinDistance(sorted: c, b)),
            spread: spread > rounding ? spread : 0, shift: shift)
    }

    /// The unbiased standard deviation; 0 for one number.
    private static func deviation(_ values: [Float]) -> Double {
        guard values.count > 1 else { return 0 }
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        return (values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// What was measured at a site.
    /// - Parameter neurons: How many neurons are told.
    func explain(
        _ site: TransportMap.Site, at strength: Float, _ measure: Explanation.Measure, neurons count: Int, tokens: TokenMovement
    ) -> Explanation.Site {
        var result = Explanation.Site(site, at: strength, measure, neurons: 0)
        var distances: [Explanation.Distances] = []
        var shifts: [Double?] = []
        for neuron in 0..<channels {
            let column = column(neuron)
            shifts.append(column.spread > 0 ? column.shift / column.spread : nil)
            if column.spread > 0 { distances.append(column.distances.divided(by: column.spread)) }
        }
        let mean = Explanation.Distances(meanOf: distances)
        let relative = tokens.relative.compactMap { $0 }
        let outside = tokens.outsideShares
        result.movement = Explanation.Movement(
            relative: relative.isEmpty ? 0 : relative.reduce(0, +) / Double(relative.count),
            outside: outside.isEmpty ? 0 : outside.reduce(0, +) / Double(outside.count), distances: mean,
            reduction: mean.flatMap { $0.before.first > 0 ? 1 - $0.after.first / $0.before.first : nil },
            nearer: distances.isEmpty ? 0 : Double(distances.count { $0.after.first < $0.before.first }) / Double(distances.count),
            withoutSpread: channels - distances.count)
        result.neurons = Explanation.Site.farthest(count, by: shifts).map { neuron in
            var told = Explanation.Neuron(site.summary, neuron, at: strength, measure)
            let column = column(neuron)
            let histogram = Histogram(
                from: Double(min(column.source[0], column.target[0], column.transported[0])),
                through: Double(max(column.source.last!, column.target.last!, column.transported.last!)), bins: Self.bins)
            told.movement = Explanation.NeuronMovement(
                spread: column.spread, shift: shifts[neuron],
                outside: tokens.count > 0 ? Double(tokens.outsideByNeuron[neuron]) / Double(tokens.count) : 0, distances: column.distances,
                histogram: Explanation.NeuronHistogram(
                    edges: histogram.edges, source: histogram.counts(column.source), target: histogram.counts(column.target),
                    transported: histogram.counts(column.transported)))
            return told
        }
        return result
    }
}

extension Explanation.Distances {
    /// In another unit of the samples.
    fileprivate func divided(by unit: Double) -> Self {
        func scaled(_ distance: WassersteinDistance) -> WassersteinDistance {
            WassersteinDistance(first: distance.first / unit, secondSquared: distance.secondSquared / (unit * unit))
        }
        return Self(unsteered: scaled(unsteered), before: scaled(before), after: scaled(after))
    }

    /// Nil for none.
    fileprivate init?(meanOf all: [Self]) {
        guard !all.isEmpty else { return nil }
        func mean(_ path: KeyPath<Self, WassersteinDistance>) -> WassersteinDistance {
            WassersteinDistance(
                first: all.reduce(0) { $0 + $1[keyPath: path].first } / Double(all.count),
                secondSquared: all.reduce(0) { $0 + $1[keyPath: path].secondSquared } / Double(all.count))
        }
        self.init(unsteered: mean(\.unsteered), before: mean(\.before), after: mean(\.after))
    }
}
