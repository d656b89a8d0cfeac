import Foundation
import Tokenizers

/// A judge that is a language model, asked yes or no through its chat template.
///
/// The score is the probability that its answer begins with yes, over that of yes or no: of every token of the vocabulary that says one of them, whatever its
/// case and the spaces about it; of the words' likelihoods, token by token, where the vocabulary has them in pieces only.
public struct LanguageModelJudge: TextJudge {
    public let name: String
    private let model: Model
    private let question: YesNoQuestion
    private let template: ChatTemplate
    private let options: [(tokens: [Int32], isYes: Bool)]

    /// Texts that are scored together.
    private static let together = 64

    public init(_ model: Model, question: String, name: String) throws {
        self.model = model
        self.name = name
        self.question = try YesNoQuestion(question)
        template = try model.chatTemplate()
        options = Self.options(model.tokenizer)
    }

    public var identity: String {
        "model \(model.url.lastPathComponent) (\(model.language.fingerprint)) asked '\(question.description)'"
    }

    private static func options(_ tokenizer: any Tokenizer) -> [(tokens: [Int32], isYes: Bool)] {
        let single = (0..<Int32(tokenizer.vocabularySize)).compactMap { token -> (tokens: [Int32], isYes: Bool)? in
            guard tokenizer.kind(token) == .normal else { return nil }
            let bytes = tokenizer.piece(token)
            // As long as either word may be with what stands about it.
            guard bytes.count <= 8, let isYes = YesNoQuestion.meaning(String(decoding: bytes, as: UTF8.self)) else { return nil }
            return ([token], isYes)
        }
        if Set(single.map(\.isYes)).count == 2 { return single }
        return ["Yes", "yes", " Yes", " yes", "No", "no", " No", " no"].map {
            (tokenizer.encode($0, addSpecial: false, parseSpecial: false), YesNoQuestion.meaning($0)!)
        }
    }

    public func judge(_ texts: [String], each: ([Double]) throws -> Void) throws {
        for first in stride(from: 0, to: texts.count, by: Self.together) {
            let own = texts[first..<min(first + Self.together, texts.count)]
            let requests = try own.enumerated().map { index, text in
                let prompt = try template.render(
                    messages: [ChatMessage(role: .user, content: question.about(text))], addGenerationPrompt: true)
                let tokens = model.tokenizer.encode(prompt, addSpecial: false, parseSpecial: true)
                let longest = tokens.count + options.map(\.tokens.count).max()!
                guard longest <= model.language.contextLength else {
                    throw MongeError.contextExceeded(
                        "text \(first + index + 1) with the question to the judge \(name) has \(longest) tokens; its context holds "
                            + "\(model.language.contextLength)")
                }
                return ScoringRequest(
                    context: tokens, options: options.map(\.tokens), name: "text \(first + index + 1) for the judge \(name)")
            }
            try each(
                try model.optionScores(requests) { _ in }.map { scores in
                    guard let score = YesNoQuestion.score(zip(options, scores).map { (isYes: $0.isYes, value: $1) }) else {
                        throw MongeError.failed("the judge \(name) takes neither yes nor no to be possible")
                    }
                    return score
                })
        }
    }
}
