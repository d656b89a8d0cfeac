import ModelFiles
import Tensors

/// How several sites are estimated.
public enum Estimation: String, Sendable, CaseIterable, Hashable {
    /// Each site on activations of the untouched model.
    case simultaneous
    /// Each site on activations of the model with the maps of all earlier sites in place.
    case causal
}

/// Which positions of a sequence a map acts on.
public enum Position: String, Sendable, CaseIterable, Hashable {
    case all
    /// Only the last position of each forward call; with a key-value cache every generated token is one.
    case last
}

/// How a fitted map came to be: what is written beside it in its file.
public struct TransportDescription: Sendable, Equatable {
    /// `linear`, `mean`, `gaussian`, or the name of another method.
    public var method: String
    public var estimation: Estimation
    /// The name of the pooling over tokens.
    public var pooling: String
    public var support: Support
    /// By how many standard errors each neuron's difference of means was shrunk; 0 for not at all.
    public var shrinkage: Float
    public var position: Position
    /// What the maps are applied to where an activation has rows and columns of pixels; tokens are mapped pointwise in either mode.
    public var spatial: SpatialMode
    /// The model family, for example `llama`.
    public var architecture: String
    /// What tells this model's weights from others', whatever their quantisation: a hash over extents and norm gains.
    public var fingerprint: String
    /// A sample of the model's weights; nil in a file that was written before there were sketches.
    public var sketch: WeightSketch?
    public var sourceName: String
    public var targetName: String
    public var sourceCount: Int
    public var targetCount: Int
    public var seed: UInt64
    /// When it was fitted, ISO 8601.
    public var date: String

    public init(
        method: String, estimation: Estimation, pooling: String, support: Support, shrinkage: Float = 0,
        position: Position = .all,
        spatial: SpatialMode = .pointwise, architecture: String, fingerprint: String, sketch: WeightSketch? = nil, sourceName: String,
        targetName: String, sourceCount: Int,
        targetCount: Int, seed: UInt64, date: String
    ) {
        self.method = method
        self.estimation = estimation
        self.pooling = pooling
        self.support = support
        self.shrinkage = shrinkage
        self.position = position
        self.spatial = spatial
        self.architecture = architecture
        self.fingerprint = fingerprint
        self.sketch = sketch
        self.sourceName = sourceName
        self.targetName = targetName
        self.sourceCount = sourceCount
        self.targetCount = targetCount
        self.seed = seed
        self.date = date
    }
}

/// The maps of all sites of one intervention.
public struct TransportMap: Sendable, Equatable {
    /// The map of one site.
    public struct Site: Sendable, Equatable {
        /// The site's Hugging Face module path.
        public var name: String
        /// The identity where there are clusters.
        public var map: AffineMap
        /// The map between clusters, two or more; nil where ``map`` is all there is.
        public internal(set) var clusters: ClusterMap?
        /// The neurons whose activations had no spread to fit a slope to.
        public var deadNeurons: Int
        /// How much of the strength each token feels; nil where all feel the same.
        public var gate: TokenGate?

        /// - Precondition: the gate has as many neurons as the map.
        public init(name: String, map: AffineMap, deadNeurons: Int, gate: TokenGate? = nil) {
            precondition(gate == nil || gate?.weights.count == map.channels, "a gate has one weight a neuron")
            self.name = name
            self.map = map
            self.deadNeurons = deadNeurons
            self.gate = gate
        }

        /// A map between clusters; from a single one it is the shift of all neurons, an affine map.
        public init(name: String, clusters: ClusterMap) {
            self.name = name
            deadNeurons = 0
            map = clusters.count == 1 ? .adding(clusters.shifts) : .identity(channels: clusters.channels)
            self.clusters = clusters.count == 1 ? nil : clusters
        }

        /// The site whose strength 1 is this one's strength s.
        public func scaled(by strength: Float) -> Site {
            var result = self
            result.map = map.scaled(by: strength)
            result.clusters = clusters?.scaled(by: strength)
            return result
        }

        /// An affine map that tells what the site's map does: itself, or of clusters the shift of their mean.
        public var summary: AffineMap { clusters.map { .adding($0.meanShift) } ?? map }
    }

    /// In execution order, each name once.
    public var sites: [Site]
    public var description: TransportDescription
    /// In which requests the map acts; nil for all.
    public var condition: Condition?

    public init(sites: [Site], description: TransportDescription, condition: Condition? = nil) {
        self.sites = sites
        self.description = description
        self.condition = condition
    }

    /// How many neurons of all sites the map moves, where it moves each by itself.
    public var movedNeurons: Int { sites.reduce(0) { sum, site in sum + (0..<site.map.channels).count { !site.map.leavesAlone($0) } } }

    /// Whether a site's strength differs from token to token.
    public var isGated: Bool { sites.contains { $0.gate != nil } }

    /// Whether a site's map is one between clusters.
    public var hasClusters: Bool { sites.contains { $0.clusters != nil } }

    /// What a user should know of a map before it is used.
    public var warnings: [Warning] { description.sketch == nil ? [.withoutSketch] : [] }

    /// Something that does not keep a map from being used.
    public enum Warning: Sendable, Equatable, CustomStringConvertible {
        /// The file was written before maps held a sample of their model's weights.
        case withoutSketch

        public var description: String {
            switch self {
            case .withoutSketch:
                "the map holds no sample of its model's weights, as older maps do: whether this is its model is checked by extents and norms "
                    + "alone; fit it again to have it checked in full"
            }
        }
    }

    /// The map with every neuron's support opened; neurons that are left alone stay so, and maps between clusters, which act everywhere.
    public var actingEverywhere: TransportMap {
        var result = self
        result.description.support = .all
        for (index, site) in sites.enumerated() {
            for j in 0..<site.map.channels where site.map.low[j] < site.map.high[j] {
                (result.sites[index].map.low[j], result.sites[index].map.high[j]) = (-.infinity, .infinity)
            }
        }
        return result
    }

    /// Every site's map turned round, and its gate: what looks like the target is moved to the source. The condition stays: it says in which
    /// requests, and not which way.
    public var inverse: TransportMap {
        var result = self
        for index in result.sites.indices {
            result.sites[index].map = sites[index].map.inverse
            result.sites[index].clusters = sites[index].clusters?.inverse
            result.sites[index].gate = sites[index].gate?.inverse
        }
        return result
    }

    /// The map without its condition: in all requests.
    public var unconditional: TransportMap {
        var result = self
        result.condition = nil
        return result
    }
}
