import Tensors

/// When a map acts: in those requests alone whose prompt lies on one side of a plane (after CAST: Lee et al., "Programming refusal with
/// conditional activation steering", ICLR 2025).
///
/// The score of a prompt is `s = ⟨z − μ, c⟩`, with z its pooled activation at one site of the untouched model; the map acts where s > τ, or, on the
/// other side, where s < τ. A prompt that does not meet the condition is continued as if there were no map, bit for bit.
///
/// c is the normalised difference of the means of two sets of prompts, as in mean-mass probing (Marks & Tegmark, "The geometry of truth", COLM 2024),
/// and not CAST's first principal direction: over prompts of many topics that one follows what differs most among them, which need not be what
/// the sets differ by.
public struct Condition: Sendable, Equatable {
    /// On which side of the threshold the map acts.
    public enum Side: String, Sendable, CaseIterable, Codable {
        case above, below
    }

    /// The module path of the site whose activation is looked at.
    public var site: String
    /// c, of length 1.
    public var direction: [Float]
    /// μ, the mean of both sets.
    public var centre: [Float]
    /// τ.
    public var threshold: Float
    public var side: Side
    /// How a prompt's tokens become z.
    public var pooling: Pooling
    /// How many tokens at the beginning of a prompt stay out of z; its last token always counts.
    public var skippedTokens: Int
    /// The share of held-out prompts of either set that are told apart, the two sets counting alike.
    public var accuracy: Double
    /// What the prompts that meet the condition are called, and those that do not.
    public var sourceName: String
    public var targetName: String
    public var sourceCount: Int
    public var targetCount: Int

    /// - Precondition: direction and centre have one length.
    public init(
        site: String, direction: [Float], centre: [Float], threshold: Float, side: Side = .above, pooling: Pooling = .mean,
        skippedTokens: Int = 1, accuracy: Double = 1, sourceName: String = "source", targetName: String = "target", sourceCount: Int = 0,
        targetCount: Int = 0
    ) {
        precondition(direction.count == centre.count, "a condition has a direction and a centre of one length")
        self.site = site
        self.direction = direction
        self.centre = centre
        self.threshold = threshold
        self.side = side
        self.pooling = pooling
        self.skippedTokens = skippedTokens
        self.accuracy = accuracy
        self.sourceName = sourceName
        self.targetName = targetName
        self.sourceCount = sourceCount
        self.targetCount = targetCount
    }

    public var channels: Int { direction.count }

    /// The plane as a linear function that is positive where the condition is met: ±c, and what is added to ±⟨z, c⟩.
    public var plane: (weights: [Float], bias: Float) {
        let sign: Float = side == .above ? 1 : -1
        let offset = zip(centre, direction).reduce(Double(threshold)) { $0 + Double($1.0) * Double($1.1) }
        return (direction.map { sign * $0 }, Float(-Double(sign) * offset))
    }

    /// Whether the accuracy is no better than that of a guess: below 0.6, or within two standard errors of what guessing comes to.
    public var isNearChance: Bool {
        func variance(_ count: Int) -> Double { count > 0 ? 0.25 / Double(count) : 0 }
        let error = (variance(sourceCount) + variance(targetCount)).squareRoot() / 2
        return accuracy < max(0.6, 0.5 + 2 * error)
    }
}
