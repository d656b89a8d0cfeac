import Foundation
import Monge

/// The texts of one request while they are made, and what is counted of them.
struct TextRun: Sendable {
    /// What a text grew by.
    struct Part {
        var choice: Int
        var text: String
        /// Of the tokens that the text is made of, where they were asked for.
        var scores: [(start: Int, scores: TokenScores)]
        /// How it ended, with its last part.
        var ending: TextEnding?
    }

    /// A whole text.
    struct Text: Sendable {
        var text: String
        var scores: [(start: Int, scores: TokenScores)]
        var ending: TextEnding
    }

    typealias Events = HandedOn<AsyncThrowingStream<ChoiceStream.Event, any Error>.Iterator>

    let requests: [TextRequest]
    let promptTokens: Int
    let host: TextModelHost
    let metrics: ServerMetrics
    private let began = ContinuousClock.now

    /// - Parameter prompts: The tokens of each prompt.
    init(_ requests: [TextRequest], prompts: [Int], host: TextModelHost, metrics: ServerMetrics) {
        (self.requests, self.host, self.metrics) = (requests, host, metrics)
        promptTokens = prompts.reduce(0, +)
    }

    /// Begins, and waits until something came: what refuses a request is thrown here, while it has no answer yet.
    /// - Returns: The events, the first of them first.
    func begin() async throws -> (first: ChoiceStream.Event?, rest: Events) {
        var events = HandedOn(iterator: ChoiceStream.events(requests, by: host).makeAsyncIterator())
        let first = try await events.iterator.next()
        metrics.firstToken(after: .now - began, model: host.face.name)
        return (first, events)
    }

    /// Hands on the parts of all texts as they come.
    func parts(_ begun: (first: ChoiceStream.Event?, rest: Events), each: (Part) async throws -> Void) async throws {
        var events = begun.rest.iterator
        var next = begun.first
        var scores = requests.map { _ in ScoreQueue(host.face.tokenizer) }
        var ended = 0
        while let (choice, event) = next {
            switch event {
            case .scores(let own): scores[choice].append(own)
            case .text(let text): try await each(Part(choice: choice, text: text, scores: scores[choice].take(text)))
            case .ended(let ending):
                ended += 1
                metrics.count(promptTokens: ending.promptTokens, generated: ending.tokens.count, model: host.face.name)
                var rest = scores[choice].takeAll()
                // Those of a stop text are no part of the answer.
                if case .stop = ending.reason { rest = [] }
                try await each(Part(choice: choice, text: "", scores: rest, ending: ending))
            }
            next = try await events.next()
        }
        // A stream ends without a last event when its task was cancelled: the client has left.
        guard ended == requests.count else { throw CancellationError() }
    }

    /// All texts, when all are there.
    func finish() async throws -> [Text] {
        var parts = requests.map { _ in [Part]() }
        try await self.parts(begin()) { parts[$0.choice].append($0) }
        return parts.map { parts in
            Text(text: parts.map(\.text).joined(), scores: parts.flatMap(\.scores), ending: parts.last!.ending!)
        }
    }
}

extension TextEnding {
    /// As OpenAI's interface calls it; `timeout` is Monge's own.
    var finishReason: String {
        switch reason {
        case .end, .stop: "stop"
        case .length: "length"
        case .deadline: "timeout"
        }
    }

    /// For each map whether the prompt met its condition; nil where no map has one.
    var conditionsMet: [Bool?]? { metConditions.contains { $0 != nil } ? metConditions : nil }
}
