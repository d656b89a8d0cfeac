import Tensors
import Transport

/// How a map is fitted.
public struct FitOptions: Sendable {
    public var method: ColumnFit
    public var estimation: Estimation
    /// Where the map acts; nil for the method's own default (linear: source minimum to maximum; mean and gaussian: everywhere).
    public var support: Support?
    public var position: Position
    /// What the map is applied to in an activation with rows and columns of pixels. ``SpatialMode/channelMean`` is fitted to mean-pooled
    /// activations, since the means are what it is applied to. Tokens are mapped pointwise in either mode.
    public var spatial: SpatialMode
    public var capture: CaptureOptions
    /// At most this many sentences a side, drawn with the seed; nil for all.
    public var limit: Int?
    public var seed: UInt64
    /// What the file says of the data.
    public var sourceName: String
    public var targetName: String

    public init(
        method: ColumnFit = .linear, estimation: Estimation = .causal, support: Support? = nil, position: Position = .all,
        spatial: SpatialMode = .pointwise,
        capture: CaptureOptions = CaptureOptions(), limit: Int? = nil, seed: UInt64 = 0, sourceName: String = "source",
        targetName: String = "target"
    ) {
        self.method = method
        self.estimation = estimation
        self.support = support
        self.position = position
        self.spatial = spatial
        self.capture = capture
        self.limit = limit
        self.seed = seed
        self.sourceName = sourceName
        self.targetName = targetName
    }

    /// The support that is used.
    public var effectiveSupport: Support { support ?? (method == .linear ? .minimumToMaximum : .all) }

    /// - Throws: ``MongeError/usage(_:)`` when the spatial mode does not go with the pooling.
    func validate(pooling: String) throws {
        guard spatial == .pointwise || pooling == Pooling.mean.rawValue else {
            throw MongeError.usage("a map of channel means is fitted to mean-pooled activations, not to those pooled by \(pooling)")
        }
    }
}
