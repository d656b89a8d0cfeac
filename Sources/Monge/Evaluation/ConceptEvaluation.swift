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
        /// The share of continuations with a word of the list; nil when there is none for ``error``.
        public var onTopic: Double?
        /// The median sentence perplexity on plain text; nil when there is none for ``error``.
        public var perplexity: Double?
        /// That perplexity over the untouched model's, minus 1.
        public var perplexityIncrease: Double?
        /// A continuation, to be read.
        public var example: String?
        /// Why something could not be measured at this strength.
        public var error: String?
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
    ///
    /// A strength at which the model's results are not finite has a row that says so; the others are measured all the same.
    /// - Parameter warn: Told, in a sentence, how many plain sentences were cut.
    /// - Throws: ``MongeError`` for what concerns every strength, for example a map of another model.
    public func rows(
        for map: TransportMap, on model: Model, progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> [Row] {
        let setting = Setting(
            method: map.description.method, estimation: map.description.estimation.rawValue, support: "\(map.description.support)")
        let baseline = try model.perplexity(of: plainText, warn: warn).medianOfSentences
        return try strengths.map { strength in
            let steering = [map.at(strength)]
            var row = Row(setting: setting, strength: strength)
            let generations = try model.generate(
                Array(repeating: GenerationRequest(prompt, steering: steering), count: samples), options: generation, progress: progress)
            if let failure = generations.lazy.compactMap(\.failure).first {
                row.error = failure.description
            } else {
                row.onTopic = words.share(of: generations.map(\.text))
                row.example = generations.first?.text
            }
            do {
                let perplexity = try model.perplexity(of: plainText, steering: steering).medianOfSentences
                row.perplexity = perplexity
                row.perplexityIncrease = perplexity / baseline - 1
            } catch let error as MongeError { row.error = try row.error ?? Self.sentence(error) }
            return row
        }
    }

    /// What a row says of an error that is one of its strength; other errors are thrown on.
    private static func sentence(_ error: MongeError) throws -> String {
        guard case .notFinite = error else { throw error }
        return error.description
    }
}
