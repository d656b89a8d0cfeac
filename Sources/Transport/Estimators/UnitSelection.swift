/// The maps of several sites of which only the units (neurons, or heads) that tell source and target apart best are to act.
public struct UnitSelection {
    /// A site's map and how well each of its units tells the sides apart, in the order of the channels.
    public struct Candidate {
        public var site: TransportMap.Site
        /// Of each unit; the units divide the channels evenly.
        public var scores: [Double]

        public init(site: TransportMap.Site, scores: [Double]) {
            precondition(!scores.isEmpty && site.map.channels % scores.count == 0, "units divide a site's channels evenly")
            self.site = site
            self.scores = scores
        }
    }

    /// The maps in which all but the best units are left alone; sites without any are left out.
    ///
    /// - Parameters:
    ///   - candidates: In execution order.
    ///   - count: How many units act, of all sites together. Among units of the same score the earlier ones come first.
    public static func best(_ count: Int, of candidates: [Candidate]) -> [TransportMap.Site] {
        let units = candidates.enumerated().flatMap { site, candidate in
            candidate.scores.enumerated().map { (site: site, unit: $0, score: $1) }
        }
        let chosen = units.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.prefix(count)
        var acting = candidates.map { [Bool](repeating: false, count: $0.scores.count) }
        for (_, unit) in chosen { acting[unit.site][unit.unit] = true }
        return zip(candidates, acting).compactMap { candidate, acting in
            guard acting.contains(true) else { return nil }
            var site = candidate.site
            let identity = AffineMap.identity(channels: site.map.channels)
            let width = site.map.channels / acting.count
            for (unit, isActing) in acting.enumerated() where !isActing {
                for j in unit * width..<(unit + 1) * width {
                    (site.map.omega[j], site.map.beta[j]) = (identity.omega[j], identity.beta[j])
                    (site.map.low[j], site.map.high[j]) = (identity.low[j], identity.high[j])
                }
            }
            return site
        }
    }
}
