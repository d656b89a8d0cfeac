import Tensors
import Transport

/// What a map does, in numbers for a person.
public struct MapSummary: Sendable, Codable, Equatable {
    public struct Site: Sendable, Codable, Equatable {
        public var name: String
        public var neurons: Int
        public var meanOmega: Double
        public var meanAbsoluteBeta: Double
        /// The share of neurons whose support has an end.
        public var boundedShare: Double
        public var deadNeurons: Int
        /// How well the site's gate tells held-out tokens apart; nil where there is none.
        public var gateAccuracy: Double?
        /// How many clusters the site's map moves between; nil where it moves each neuron by itself. The other numbers are then of the shift of the
        /// clusters' mean.
        public var clusters: Int?
    }

    /// When the map acts.
    public struct Condition: Sendable, Codable, Equatable {
        public var site: String
        public var threshold: Float
        public var side: String
        public var pooling: String
        public var skippedTokens: Int
        /// How well it tells held-out prompts apart.
        public var accuracy: Double
        public var sourceName: String
        public var targetName: String
        public var sourceCount: Int
        public var targetCount: Int
    }

    public var method: String
    public var estimation: String
    public var pooling: String
    public var support: String
    /// By how many standard errors each neuron's difference of means was shrunk; nil for not at all.
    public var shrinkage: Float?
    public var position: String
    public var spatial: String
    public var architecture: String
    public var fingerprint: String
    public var sourceName: String
    public var targetName: String
    public var sourceCount: Int
    public var targetCount: Int
    public var seed: UInt64
    public var date: String
    /// Nil for a map that acts in all requests.
    public var condition: Condition?
    public var sites: [Site]

    public init(_ map: TransportMap) {
        let d = map.description
        method = d.method
        estimation = d.estimation.rawValue
        pooling = d.pooling
        support = "\(d.support)"
        shrinkage = d.shrinkage > 0 ? d.shrinkage : nil
        position = d.position.rawValue
        spatial = d.spatial.rawValue
        architecture = d.architecture
        fingerprint = d.fingerprint
        sourceName = d.sourceName
        targetName = d.targetName
        sourceCount = d.sourceCount
        targetCount = d.targetCount
        seed = d.seed
        date = d.date
        sites = map.sites.map { site in
            let map = site.summary
            let count = Double(map.channels)
            return Site(
                name: site.name, neurons: map.channels, meanOmega: map.omega.reduce(0) { $0 + Double($1) } / count,
                meanAbsoluteBeta: map.beta.reduce(0) { $0 + Double(abs($1)) } / count,
                boundedShare: Double(zip(map.low, map.high).count { $0.isFinite || $1.isFinite }) / count,
                deadNeurons: site.deadNeurons, gateAccuracy: site.gate?.accuracy, clusters: site.clusters?.count)
        }
        condition = map.condition.map {
            Condition(
                site: $0.site, threshold: $0.threshold, side: $0.side.rawValue, pooling: $0.pooling.rawValue,
                skippedTokens: $0.skippedTokens,
                accuracy: $0.accuracy, sourceName: $0.sourceName, targetName: $0.targetName, sourceCount: $0.sourceCount,
                targetCount: $0.targetCount)
        }
    }

    public var headline: String {
        "\(method) map, \(estimation), pooling \(pooling), support \(support), position \(position)"
            + (shrinkage.map { ", shrinkage \($0)" } ?? "")
            + (spatial == SpatialMode.pointwise.rawValue ? "" : ", spatial \(spatial)") + "; "
            + "\(sourceName) (\(sourceCount)) → \(targetName) (\(targetCount)); \(architecture) \(fingerprint); seed \(seed); \(date)"
    }

    /// What the condition is, in a line; nil where there is none.
    public var conditionLine: String? {
        condition.map {
            "acts in requests whose prompt looks like \($0.sourceName) (\($0.sourceCount)) rather than \($0.targetName) (\($0.targetCount)): score "
                + "\($0.side) \($0.threshold) at \($0.site), pooling \($0.pooling) without the first \($0.skippedTokens); balanced accuracy "
                + "\(Percent($0.accuracy)) on held-out prompts"
        }
    }
}
