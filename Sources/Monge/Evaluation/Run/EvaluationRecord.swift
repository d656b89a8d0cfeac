/// What was measured in one go: a part of a measure for one variant. Files of results keep these.
public struct EvaluationRecord: Sendable, Codable, Equatable {
    /// What a record is about.
    public struct Key: Sendable, Codable, Hashable {
        /// The measure: `mmlu`.
        public var measure: String
        /// The part of it: a subject, a seed.
        public var part: String
        /// The identity of the series' maps; empty for the model as it is.
        public var maps: String
        public var strength: Float

        package init(measure: String, part: String, maps: String, strength: Float) {
            (self.measure, self.part, self.maps, self.strength) = (measure, part, maps, strength)
        }
    }

    public var key: Key
    /// Perplexity: of each sentence.
    public var losses: [SentenceLoss]?
    /// Choices: the log-probability of each option of each question, summed over its tokens.
    public var options: [[Double]]?
    /// Texts: the continuations.
    public var texts: [String]?
    /// What judges said of each text, by the judge's name; as far as it came, where a judge failed.
    public var scores: [String: [Double]]?
    /// Why it could not be measured at this strength: numbers that are not finite.
    public var error: String?

    package init(key: Key) { self.key = key }
}
