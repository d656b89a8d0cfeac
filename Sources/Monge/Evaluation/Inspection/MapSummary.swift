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
    }

    public var method: String
    public var estimation: String
    public var pooling: String
    public var support: String
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
    public var sites: [Site]

    public init(_ map: TransportMap) {
        let d = map.description
        method = d.method
        estimation = d.estimation.rawValue
        pooling = d.pooling
        support = "\(d.support)"
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
            let count = Double(site.map.channels)
            return Site(
                name: site.name, neurons: site.map.channels, meanOmega: site.map.omega.reduce(0) { $0 + Double($1) } / count,
                meanAbsoluteBeta: site.map.beta.reduce(0) { $0 + Double(abs($1)) } / count,
                boundedShare: Double(zip(site.map.low, site.map.high).count { $0.isFinite || $1.isFinite }) / count,
                deadNeurons: site.deadNeurons)
        }
    }

    public var headline: String {
        "\(method) map, \(estimation), pooling \(pooling), support \(support), position \(position)"
            + (spatial == SpatialMode.pointwise.rawValue ? "" : ", spatial \(spatial)") + "; "
            + "\(sourceName) (\(sourceCount)) → \(targetName) (\(targetCount)); \(architecture) \(fingerprint); seed \(seed); \(date)"
    }
}
