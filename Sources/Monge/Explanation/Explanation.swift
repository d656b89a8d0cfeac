import Transport

/// What a map does: how far it moves each site and its neurons, by itself and, where it was measured, on sentences of a model.
///
/// ``init(_:neurons:)`` explains a map from its numbers alone; ``Model/explain(_:source:target:options:progress:warn:)`` measures it.
public struct Explanation: Sendable, Codable, Equatable {
    /// What `monge inspect` tells of the map.
    public var map: MapSummary
    /// λ, to which ``Site/shift`` and all that is measured belongs.
    public var strength: Float
    /// What ``Site/shift`` and ``Neuron/shift`` are.
    public var measure: Measure
    /// What was measured; nil for the map alone.
    public var samples: Samples?
    /// In the order of the map.
    public var sites: [Site]
    /// What the tokens of one sentence feel, where one was given.
    public var sentence: Sentence?

    /// How far a map moves, as far as its own numbers tell.
    public enum Measure: String, Sendable, Codable, CaseIterable {
        /// The mean of |y − x| over the support, as a share of the support's width.
        case shareOfSupport
        /// |λβ|, by which neurons without a slope are shifted.
        case offset
        /// |λ(ω − 1)|: where neurons have a slope and no support, how far they move depends on where they are.
        case slope
    }

    /// The sentences of a measurement.
    public struct Samples: Sendable, Codable, Equatable {
        public var source, target: Int
        /// The tokens of the source that count.
        public var sourceTokens: Int
        public var pooling: String
        /// Whether the target is seen with the maps of earlier sites in place, as causal estimation sees it, or on the untouched model.
        public var steersTarget: Bool
    }

    /// One site.
    public struct Site: Sendable, Codable, Equatable {
        /// The site's module path.
        public var name: String
        /// Its place among all sites, from 1 for the one that moves most: by ``Movement/relative`` where that was measured, else by ``shift``.
        public var rank: Int
        /// The mean of |ω − 1| over neurons.
        public var slope: Double
        /// The mean of |β| over neurons.
        public var offset: Double
        /// The share of neurons that keep their values.
        public var leftAlone: Double
        /// The mean of ``Neuron/shift`` over the neurons that have one; nil where none has.
        public var shift: Double?
        public var movement: Movement?
        /// Those that move most, the farthest first.
        public var neurons: [Neuron]
    }

    /// How activations of a site move, measured on sentences.
    public struct Movement: Sendable, Codable, Equatable {
        /// The mean over source tokens of ‖y − x‖/‖x‖, x the activation as it comes to the map and y as it goes on.
        public var relative: Double
        /// The share of activations of single neurons, of those that the map acts on, outside their support.
        public var outside: Double
        /// Between source and target samples: means over neurons, each in units of its own spread, the root mean square of the standard
        /// deviations of source and target. Nil where no neuron has any.
        public var distances: Distances?
        /// 1 − after/before, of W₁; nil where there is no distance before.
        public var reduction: Double?
        /// The share of neurons, of those with a spread, whose W₁ is smaller after than before.
        public var nearer: Double
        /// Neurons whose samples are all the same, to the last digits.
        public var withoutSpread: Int
    }

    /// Distances from the source's samples to the target's.
    public struct Distances: Sendable, Codable, Equatable {
        /// On the untouched model.
        public var unsteered: WassersteinDistance
        /// As the map sees them: with the maps of earlier sites in place.
        public var before: WassersteinDistance
        /// From the source's samples after this site's map.
        public var after: WassersteinDistance
    }

    /// One neuron.
    public struct Neuron: Sendable, Codable, Equatable {
        public var index: Int
        public var omega, beta: Float
        /// The support's open ends.
        public var low, high: Float
        /// By ``Explanation/measure``; nil where the map's numbers do not tell.
        public var shift: Double?
        public var movement: NeuronMovement?
    }

    /// How a neuron moves, measured on sentences.
    public struct NeuronMovement: Sendable, Codable, Equatable {
        /// The root mean square of the standard deviations of source and target, as the map sees them.
        public var spread: Double
        /// The mean over source samples of |y − x|, in units of ``spread``; nil without one.
        public var shift: Double?
        /// The share of source tokens outside the support.
        public var outside: Double
        /// In the neuron's own unit.
        public var distances: Distances
        public var histogram: NeuronHistogram
    }

    /// How a neuron's samples are spread.
    public struct NeuronHistogram: Sendable, Codable, Equatable {
        /// From the smallest to the largest of all samples, in ascending order, one more than there are counts.
        public var edges: [Double]
        /// As the map sees them, and after it.
        public var source, target, transported: [Int]
    }

    /// What each token of a sentence feels at each site.
    public struct Sentence: Sendable, Codable, Equatable {
        public var text: String
        /// The text of each token.
        public var tokens: [String]
        /// In the order in which the sentence comes to them.
        public var sites: [SentenceSite]
    }

    /// A value for each token.
    public struct SentenceSite: Sendable, Codable, Equatable {
        public var name: String
        /// ‖y − x‖
        public var displacement: [Double]
        /// ‖y − x‖/‖x‖; nil where x is zero.
        public var relative: [Double?]
        /// The share of neurons, of those that the map acts on, that are outside their support.
        public var outside: [Double]
    }
}
