import CPUBackend
import Foundation
import Models
import Monge
import Tensors
import Testing
import Transport

/// Likelihoods over shared beginnings against those of each text by itself.
@Suite struct ContinuationScorerTests {
    private static let options = GenerationOptions(tokens: 1)

    /// What texts give one by one, by the logits of all positions.
    private func expected(_ request: ScoringRequest, on model: Model) throws -> [[Double]] {
        let width = model.language.vocabularySize
        return try request.options.map { option in
            let tokens = request.context + option
            let logits = try model.logits(of: tokens, steering: request.steering)
            return option.indices.map { index in
                let row = logits[(request.context.count + index - 1) * width..<(request.context.count + index) * width].map(Double.init)
                let most = row.max()!
                return row[Int(option[index])] - most - log(row.reduce(0) { $0 + exp($1 - most) })
            }
        }
    }

    private func requests(_ model: Model, steering: [Steer] = []) throws -> [ScoringRequest] {
        let head = "Questions with answers about rivers and seas.\n\nQ: Which river flows through Vienna?\nA: The Danube.\n\n"
        return try [
            ("Q: What is the capital of France?\nA:", [" Paris", " Berlin", " A city on the Seine, far from the sea."]),
            ("Q: What is the capital of Italy?\nA:", [" Rome", " Milan is the largest of its cities in the north"]),
            ("Q: Which?\nA:", [" A", " B", " C", " D"]),
            ("Q: What is the capital of France?\nA:", [" Lyon, or so they say"]),
        ].enumerated().map { index, item in
            try model.scoringRequest(context: head + item.0, options: item.1, steering: steering, name: "question \(index)")
        }
    }

    /// On the CPU products have the same bits alone and in company, and attention of a few queries adds in another order; the logarithm of a sum of 49152 exponentials in Float32 against Float64
    /// is off by less than 1e-4.
    @Test func sharedBeginningsChangeNothing() throws {
        let model = try TestModel.load(.cpu)
        let requests = try requests(model)
        let longest = requests.map { $0.context.count + $0.options.map(\.count).max()! }.max()!
        let scorer = try ContinuationScorer(model, steerings: [[]], longest: longest)
        var done: [Int] = []
        let scores = try scorer.tokenScores(requests) { done.append($0) }
        for (own, request) in zip(scores, requests) {
            for (option, expected) in zip(own, try expected(request, on: model)) {
                #expect(zip(option, expected).allSatisfy { abs($0 - $1) < 1e-4 } && option.count == expected.count, "\(option) \(expected)")
            }
        }
        #expect(done.last == requests.count)
        // The blocks of the first pass serve the second: one or two tokens are left of a text then, and attention of so few adds in another order.
        let again = try scorer.tokenScores(requests)
        #expect(zip(again.joined().joined(), scores.joined().joined()).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    /// More texts than a pass takes, and more beginnings than the cache keeps.
    @Test func manyPassesAndLostBeginnings() throws {
        let model = try TestModel.load(.cpu)
        let texts = (0..<24).map { number in
            (0..<60).map { "\(number * 7919 % 1000 + $0 % 7)" }.joined(separator: " ")
        }
        let requests = try texts.map { try model.scoringRequest(context: $0, options: [" one", " two three"], name: "text") }
        let scorer = try ContinuationScorer(model, steerings: [[]], longest: requests.map { $0.context.count + 3 }.max()!)
        let twice = try scorer.tokenScores(requests + requests)
        #expect(Array(twice[..<24]) == Array(twice[24...]))
        for index in [0, 23] {
            let expected = try expected(requests[index], on: model)
            #expect(zip(twice[index].joined(), expected.joined()).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }

    /// Maps act on every token of shared beginnings, and different ones share none.
    @Test func mapsAreInPlace() throws {
        let model = try TestModel.load(.cpu)
        let map = try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: [#".*input_layernorm"#],
            options: FitOptions(estimation: .simultaneous))
        let steerings = [[], [map.at(0.5)]]
        let requests = try steerings.flatMap { try self.requests(model, steering: $0) }
        let longest = requests.map { $0.context.count + $0.options.map(\.count).max()! }.max()!
        let scores = try ContinuationScorer(model, steerings: steerings, longest: longest).tokenScores(requests)
        for (own, request) in zip(scores, requests) {
            #expect(zip(own.joined(), try expected(request, on: model).joined()).allSatisfy { abs($0 - $1) < 1e-4 })
        }
        #expect(zip(scores[0].joined(), scores[4].joined()).contains { abs($0 - $1) > 0.01 })
    }

    /// A map of the last position acts on what is written, token by token, as in a generation: its likelihoods are those of passes that end at each token.
    @Test func mapsOfTheLastPositionActOnEachTokenWritten() throws {
        let model = try TestModel.load(.cpu)
        var map = try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: [#"model\.norm"#],
            options: FitOptions(method: .mean, estimation: .simultaneous))
        map.description.position = .last
        // At the last norm nothing later depends on what was moved before, so that each pass stands for itself.
        let request = try requests(model, steering: [map.at(1)])[0]
        let longest = request.context.count + request.options.map(\.count).max()!
        let scores = try ContinuationScorer(model, steerings: [request.steering], longest: longest).tokenScores([request])[0]
        let width = model.language.vocabularySize
        for (option, own) in zip(request.options, scores) {
            for index in option.indices {
                let logits = try model.logits(of: request.context + option[..<index], steering: request.steering)
                let row = logits.suffix(width).map(Double.init)
                let most = row.max()!
                let expected = row[Int(option[index])] - most - log(row.reduce(0) { $0 + exp($1 - most) })
                #expect(abs(own[index] - expected) < 1e-4)
            }
        }
        // And the perplexity of a text is that of its tokens, each written after the others.
        let plain = try model.perplexity(of: ["The river flows through the city to the sea."])
        let steered = try model.perplexity(of: ["The river flows through the city to the sea."], steering: request.steering)
        #expect(abs(log(steered.perToken) - log(plain.perToken)) > 0.01)
    }

    @Test func whatCannotBeScoredIsRefused() throws {
        let model = try TestModel.load(.cpu)
        #expect(throws: MongeError.self) { try model.scoringRequest(context: "", options: ["a"], name: "it") }
        // A space at the end of a context belongs to what follows.
        let spaced = try model.scoringRequest(context: "The river is ", options: ["wide"], name: "it")
        #expect(spaced == (try model.scoringRequest(context: "The river is", options: [" wide"], name: "it")))
        #expect(throws: MongeError.self) { try model.scoringRequest(context: "a", options: [""], name: "it") }
        let long = String(repeating: " word", count: 9000)
        #expect { try model.scoringRequest(context: long, options: [" a"], name: "question 7") } throws: {
            "\($0)".contains("question 7") && "\($0)".contains("8192")
        }
    }
}
