import Transport

extension Explanation {
    /// Explains a map from its own numbers; one between clusters from the shift of their mean.
    /// - Parameters:
    ///   - steer: The map at a strength.
    ///   - neurons: How many neurons of each site are told.
    public init(_ steer: Steer, neurons: Int = 4) {
        let measure = Measure(steer.map)
        map = MapSummary(steer.map)
        strength = steer.strength
        self.measure = measure
        sites = steer.map.sites.map { Site($0, at: steer.strength, measure, neurons: neurons) }
        rank { $0.shift }
    }

    /// Gives each site its rank, those without a number last.
    mutating func rank(by key: (Site) -> Double?) {
        let keys = sites.map { key($0) ?? -.infinity }
        for (rank, index) in sites.indices.sorted(by: { (-keys[$0], $0) < (-keys[$1], $1) }).enumerated() { sites[index].rank = rank + 1 }
    }

    /// The sites, the one that moves most first.
    public var ranked: [Site] { sites.sorted { $0.rank < $1.rank } }

    /// The neurons that are told of all sites, the one that moves farthest first.
    public var rankedNeurons: [(site: String, neuron: Neuron)] {
        let all = sites.flatMap { site in site.neurons.map { (site: site.name, neuron: $0) } }
        return all.enumerated().sorted { a, b in
            (-(a.element.neuron.far ?? -.infinity), a.offset) < (-(b.element.neuron.far ?? -.infinity), b.offset)
        }.map(\.element)
    }
}

extension Explanation.Neuron {
    /// What neurons are ranked by.
    public var far: Double? { movement.map(\.shift) ?? shift }

    /// - Parameter index: Of a neuron of the map.
    init(_ map: AffineMap, _ index: Int, at strength: Float, _ measure: Explanation.Measure) {
        self.index = index
        (omega, beta, low, high) = (map.omega[index], map.beta[index], map.low[index], map.high[index])
        shift = measure.shift(of: index, map).map { $0 * Double(abs(strength)) }
    }
}

extension Explanation.Site {
    init(_ site: TransportMap.Site, at strength: Float, _ measure: Explanation.Measure, neurons count: Int) {
        let map = site.summary
        let channels = Double(map.channels)
        let shifts = (0..<map.channels).map { measure.shift(of: $0, map).map { $0 * Double(abs(strength)) } }
        let known = shifts.compactMap { $0 }
        self.init(
            name: site.name, rank: 0, slope: map.omega.reduce(0) { $0 + abs(Double($1) - 1) } / channels,
            offset: map.beta.reduce(0) { $0 + abs(Double($1)) } / channels,
            leftAlone: Double((0..<map.channels).count { map.leavesAlone($0) }) / channels,
            shift: known.isEmpty ? nil : known.reduce(0, +) / Double(known.count),
            neurons: Self.farthest(count, by: shifts).map { Explanation.Neuron(map, $0, at: strength, measure) })
    }

    /// The neurons with the largest numbers, in their order; those without one come last.
    static func farthest(_ count: Int, by keys: [Double?]) -> [Int] {
        let keys = keys.map { $0 ?? -.infinity }
        return Array(keys.indices.sorted { (-keys[$0], $0) < (-keys[$1], $1) }.prefix(count))
    }
}

extension Explanation.Measure {
    /// What suits a map: of the neurons that it moves, most have a support with two ends, or none needs one, or neither.
    init(_ map: TransportMap) {
        var (bounded, acting, sloped) = (0, 0, 0)
        for site in map.sites.map(\.summary) {
            for j in 0..<site.channels where !site.leavesAlone(j) {
                acting += 1
                if site.supportWidth(j) != nil { bounded += 1 } else if site.omega[j] != 1 { sloped += 1 }
            }
        }
        self = 2 * bounded >= acting && bounded > 0 ? .shareOfSupport : sloped == 0 ? .offset : .slope
    }

    /// How far a neuron moves at λ = 1; nil where that is not known.
    func shift(of neuron: Int, _ map: AffineMap) -> Double? {
        if map.leavesAlone(neuron) { return 0 }
        switch self {
        case .shareOfSupport: return map.supportWidth(neuron).flatMap { width in map.meanShift(neuron).map { $0 / width } }
        case .offset: return map.meanShift(neuron)
        case .slope: return abs(Double(map.omega[neuron]) - 1)
        }
    }

    /// What the number is, for a person.
    public var title: String {
        switch self {
        case .shareOfSupport: "mean |y − x| over the support, as a share of its width"
        case .offset: "|λβ|, by which neurons are shifted"
        case .slope: "|λ(ω − 1)|, by which the slope departs from 1"
        }
    }

    /// The number in the form that suits it.
    public func text(_ value: Double?) -> String {
        guard let value else { return "–" }
        return self == .shareOfSupport ? EvaluationTable.percent(value) : EvaluationTable.plain(value)
    }
}
