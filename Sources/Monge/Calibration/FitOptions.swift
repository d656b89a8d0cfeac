import Tensors
import Transport

/// How a map is fitted.
public struct FitOptions: Sendable {
    public var method: Estimator
    /// nil for the method's own default: causal for linear, mean, gaussian and chars, simultaneous for the others.
    public var estimation: Estimation?
    /// Where the map acts; nil for the method's own default (linear: source minimum to maximum; the others: everywhere).
    public var support: Support?
    /// By how many standard errors the difference of each neuron's means is shrunk, so that neurons are moved by what their samples show for certain
    /// (nearest shrunken centroids); 0 for not at all. Of methods that look at neurons by their means: linear, mean, gaussian and caa.
    public var shrinkage: Float
    /// How many neurons (``Estimator/det0``) or heads (``Estimator/iti``) act, the best of all sites; nil for all heads.
    public var units: Int?
    /// Whether sentence i of the source belongs to sentence i of the target, so that a draw takes both.
    public var isPaired: Bool
    public var position: Position
    /// What the map is applied to in an activation with rows and columns of pixels. ``SpatialMode/channelMean`` is fitted to mean-pooled
    /// activations, since the means are what it is applied to. Tokens are mapped pointwise in either mode.
    public var spatial: SpatialMode
    public var capture: CaptureOptions
    /// Whether each site gets a gate (``TokenGate``), and from how many tokens a side at most; nil for none. Of language models.
    public var gateTokens: Int?
    /// How clusters are found, of ``Estimator/chars``; nil for its defaults.
    public var clusters: ClusterOptions?
    /// At most this many sentences a side, drawn with the seed; nil for all.
    public var limit: Int?
    public var seed: UInt64
    /// What the file says of the data.
    public var sourceName: String
    public var targetName: String

    public init(
        method: Estimator = .linear, estimation: Estimation? = nil, support: Support? = nil, shrinkage: Float = 0, units: Int? = nil,
        isPaired: Bool = false,
        position: Position = .all, spatial: SpatialMode = .pointwise,
        capture: CaptureOptions = CaptureOptions(), gateTokens: Int? = nil,
        clusters: ClusterOptions? = nil, limit: Int? = nil, seed: UInt64 = 0,
        sourceName: String = "source",
        targetName: String = "target"
    ) {
        self.method = method
        self.estimation = estimation
        self.support = support
        self.shrinkage = shrinkage
        self.units = units
        self.isPaired = isPaired
        self.position = position
        self.spatial = spatial
        self.capture = capture
        self.gateTokens = gateTokens
        self.clusters = clusters
        self.limit = limit
        self.seed = seed
        self.sourceName = sourceName
        self.targetName = targetName
    }

    /// The support that is used.
    public var effectiveSupport: Support { support ?? method.defaultSupport }
    /// The estimation that is used.
    public var effectiveEstimation: Estimation { estimation ?? method.defaultEstimation }
    /// How tokens become samples.
    public var effectivePooling: CapturePooling { capture.pooling ?? CapturePooling(method.defaultPooling) }

    /// - Parameter pooling: The samples', where they come from a file.
    /// - Throws: ``MongeError/usage(_:)`` when options do not go together.
    package func validate(pooling: String) throws {
        if method == .det0 && units == nil {
            throw MongeError.usage("det0 silences a number of neurons, and none is given; --units 100 silences the best 100 of all sites")
        }
        if let units {
            guard method.choosesUnits else {
                throw MongeError.usage("a \(method) map acts on every neuron; --units goes with det0, iti and itiMassMean")
            }
            guard units > 0 else { throw MongeError.usage("--units is \(units), expected 1 or more") }
            guard effectiveEstimation == .simultaneous else {
                throw MongeError.usage(
                    "the best units of all sites are known when all are captured: --units goes with simultaneous estimation")
            }
        }
        if method.columnFit == nil && support != nil && support != .all {
            throw MongeError.usage("a \(method) map acts everywhere; --support goes with linear, mean, gaussian, caa and actAdd")
        }
        guard shrinkage >= 0, shrinkage.isFinite else { throw MongeError.usage("--shrinkage is \(shrinkage), expected 0 or more") }
        if shrinkage > 0 && !method.shrinks {
            throw MongeError.usage(
                "\(method) does not move neurons by the difference of their means over samples; --shrinkage goes with linear, mean, gaussian and caa"
            )
        }
        if clusters != nil && method != .chars {
            throw MongeError.usage("a \(method) map has no clusters; --clusters and --entropy go with chars")
        }
        if method == .chars && gateTokens != nil {
            throw MongeError.usage("a chars map weighs its clusters for each token by itself; --gate goes with the other methods")
        }
        guard method != .chars || spatial == .pointwise else {
            throw MongeError.usage(
                "a chars map moves whole tokens or pixels between clusters, not channels by their means: --spatial pointwise")
        }
        if capture.memory != nil && !method.isByNeuron {
            throw MongeError.usage("a \(method) map looks at all neurons of a site together: --memory does not bound that")
        }
        if capture.memory != nil && gateTokens != nil {
            throw MongeError.usage("a gate looks at all neurons of a site together: --memory does not bound that")
        }
        guard spatial == .pointwise || pooling == Pooling.mean.rawValue else {
            throw MongeError.usage("a map of channel means is fitted to mean-pooled activations, not to those pooled by \(pooling)")
        }
    }
}
