import Models
import Transport

/// Maps that are made of others.
extension TransportMap {
    /// The map at some of its sites.
    /// - Parameter patterns: Regular expressions that match site names in full.
    /// - Throws: ``MongeError/usage(_:)`` for a pattern without a match.
    public func selecting(sites patterns: [String]) throws -> TransportMap {
        var result = self
        result.sites = try places(patterns).map { sites[$0] }
        return result
    }

    /// The map whose strength 1 is this one's strength s, at some of its sites.
    /// - Parameter pattern: A regular expression that matches site names in full; nil for all sites.
    public func scaled(by strength: Float, at pattern: String? = nil) throws -> TransportMap {
        var result = self
        for index in try pattern.map({ try places([$0]) }) ?? Array(sites.indices) {
            result.sites[index] = sites[index].scaled(by: strength)
        }
        return result
    }

    /// This map and then another of the same model, as one.
    ///
    /// - Throws: ``MongeError/wrongMap(_:)`` for maps of two models, ``MongeError/usage(_:)`` where no single map does what the two do, as with different
    ///   conditions, or gates or clusters at a site where both act.
    public func followed(by other: TransportMap) throws -> TransportMap {
        let (first, second) = (description, other.description)
        guard first.fingerprint == second.fingerprint, first.architecture == second.architecture else {
            throw MongeError.wrongMap("the maps were fitted on different models (\(first.fingerprint) and \(second.fingerprint))")
        }
        if let a = first.sketch, let b = second.sketch, let difference = a.firstDifference(from: b) {
            throw MongeError.wrongMap("the maps were fitted on different models: \(difference)")
        }
        guard first.position == second.position, first.spatial == second.spatial else {
            throw MongeError.usage(
                "the maps act at \(first.position.rawValue) and \(second.position.rawValue) positions, on \(first.spatial.rawValue) and "
                    + "\(second.spatial.rawValue): they act one after the other with two --steer, not as one map")
        }
        guard condition == other.condition else {
            throw MongeError.usage("the maps act under different conditions: they act one after the other with two --steer, not as one map")
        }
        var result = self
        let later = Dictionary(uniqueKeysWithValues: other.sites.map { ($0.name, $0) })
        for (index, site) in sites.enumerated() {
            guard let next = later[site.name] else { continue }
            guard site.map.channels == next.map.channels else {
                throw MongeError.wrongMap("the maps have \(site.map.channels) and \(next.map.channels) neurons at \(site.name)")
            }
            guard site.gate == nil, next.gate == nil else {
                throw MongeError.usage(
                    "at \(site.name) both maps act, and one of them has a gate, which the other would change: they act one after the other with two "
                        + "--steer, not as one map")
            }
            guard site.clusters == nil, next.clusters == nil else {
                throw MongeError.usage(
                    "at \(site.name) both maps act, and one of them moves between clusters: no single map does what the two do; they act one after the "
                        + "other with two --steer")
            }
            guard let map = site.map.followed(by: next.map) else {
                throw MongeError.usage(
                    "at \(site.name) both maps act, and one of them only within a support: no single map does what the two do; they act one after "
                        + "the other with two --steer")
            }
            result.sites[index].map = map
            result.sites[index].deadNeurons = max(site.deadNeurons, next.deadNeurons)
        }
        let present = Set(sites.map(\.name))
        result.sites += other.sites.filter { !present.contains($0.name) }
        if first.support != second.support { result.description.support = .all }
        if first.method != second.method { result.description.method = "\(first.method)+\(second.method)" }
        result.description.sourceName = "\(first.sourceName) + \(second.sourceName)"
        result.description.targetName = "\(first.targetName) + \(second.targetName)"
        return result
    }

    /// The places of the sites that patterns match.
    private func places(_ patterns: [String]) throws -> [Int] {
        let all = sites.enumerated().map { Models.Site(name: $1.name, index: $0, channels: $1.map.channels) }
        return try SiteSelection.sites(among: all, matching: patterns).map(\.index)
    }
}
