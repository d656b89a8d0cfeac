import Transport

/// What was tried while a map was tuned, and what came of it.
public struct TuningReport: Sendable, Codable, Equatable {
    /// A map at the strength that the budget allows.
    public struct Trial: Sendable, Codable, Equatable {
        /// 1 for the widest round; ``unseen`` for the comparison at the end.
        public var round: Int
        public var candidate: String
        public var strength: Float
        /// The share of continuations that the judge counts.
        public var share: Double
        /// The mean score of the continuations, by which candidates are ranked: where few of them count it tells candidates apart earlier than the share.
        public var score: Double
        public var continuations: Int
        /// The increase of perplexity, as a share of that of the untouched model.
        public var perplexityIncrease: Double
        /// The change of MMLU in points, where it was looked at.
        public var mmluChange: Double?

        /// The round of the comparison on prompts and plain text that the search never saw.
        public static let unseen = 0
    }

    /// A part of the final map.
    public struct Part: Sendable, Codable, Equatable {
        public var sites: String
        public var count: Int
        public var strength: Float
    }

    public var budgets: [String]
    public var trials: [Trial]
    /// Of the untouched model, on what the search never saw.
    public var untouched: Trial
    /// Of the usual map (linear and causal, at the output projections of attention and the last norm, or at all norms), at the same budget, there.
    public var usual: Trial
    /// Of the map that was found, there.
    public var tuned: Trial
    public var parts: [Part]
    /// Continuations of the tuned map, to be read.
    public var examples: [String]
}

/// The map that was found, and the way to it.
public struct TunedMap: Sendable {
    /// Its strength 1 is the answer.
    public var map: TransportMap
    public var report: TuningReport
}
