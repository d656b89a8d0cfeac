import Foundation
import Models
import Tensors
import Transport

/// How well maps induce a concept, and at what cost to the model: a row for each way of fitting and each strength.
public struct ConceptEvaluation {
    /// One way of fitting.
    public struct Setting: Sendable, Codable, Equatable {
        public var method: String
        public var estimation: String
        public var support: String
    }

    /// One setting at one strength.
    public struct Row: Sendable, Codable, Equatable {
        public var setting: Setting
        public var strength: Float
        /// The share of continuations with a word of the list.
        public var onTopic: Double
        /// The median sentence perplexity on plain text.
        public var perplexity: Double
        /// That perplexity over the untouched model's, minus 1.
        public var perplexityIncrease: Double
        /// A continuation, to be read.
        public var example: String
    }

    public var prompt = "Once upon a time"
    public var samples = 200
    public var strengths: [Float] = [0, 0.25, 0.5, 0.75, 1]
    public var words: WordList
    /// Sentences without the concept, to see what the maps do to the model.
    public var plainText: [String]
    public var generation = GenerationOptions(tokens: 24, topP: 0.9, repetitionPenalty: 1.1)

    public init(words: WordList, plainText: [String]) {
        self.words = words
        self.plainText = plainText
    }

    /// Continues the prompt `samples` times at each strength, and scores the plain text.
    /// - Parameter warn: Told, in a sentence, how many plain sentences were cut.
    public func rows(
        for map: TransportMap, on model: Model, progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> [Row] {
        let setting = Setting(
            method: map.description.method, estimation: map.description.estimation.rawValue, support: "\(map.description.support)")
        let baseline = try model.perplexity(of: plainText, warn: warn).medianOfSentences
        return try strengths.map { strength in
            let steering = [map.at(strength)]
            let texts = try model.generate(
                Array(repeating: GenerationRequest(prompt, steering: steering), count: samples), options: generation,
                progress: progress
            ).map(\.text)
            let perplexity = try model.perplexity(of: plainText, steering: steering).medianOfSentences
            return Row(
                setting: setting, strength: strength, onTopic: words.share(of: texts), perplexity: perplexity,
                perplexityIncrease: perplexity / baseline - 1, example: texts.first ?? "")
        }
    }
}
