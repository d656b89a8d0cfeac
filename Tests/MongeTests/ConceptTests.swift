import Foundation
import Monge
import Tensors
import Testing

/// A small version of what `monge evaluate concept` tabulates, on the concept that ships with the project.
@Suite struct ConceptTests {
    static let concept = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("tools/concepts/football")

    static func lines(_ name: String) throws -> [String] {
        try String(contentsOf: concept.appendingPathComponent(name), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test func theShippedConceptIsLargeAndDistinct() throws {
        let source = try Self.lines("source.txt")
        let target = try Self.lines("target.txt")
        #expect(source.count >= 200 && target.count >= 200)
        #expect(Set(source + target).count == source.count + target.count)
        let words = try WordList(contentsOf: Self.concept.appendingPathComponent("words.txt"))
        #expect(words.share(of: source) <= 0.02)
        #expect(words.share(of: target) >= 0.9)
    }

    /// The effect grows with the strength, and the model stays a language model.
    @Test func steeringInducesTheConcept() throws {
        let model = try TestModel.load(.cpu)
        let options = FitOptions(method: .linear, estimation: .simultaneous, limit: 120, seed: 1)
        let map = try model.fit(
            source: Self.lines("source.txt"), target: Self.lines("target.txt"), sites: [#".*o_proj"#, #"model\.norm"#], options: options)
        var continuations = ContinuationEvaluation(
            PromptSet(texts: Array(repeating: "Once upon a time", count: 60)), goal: .init("on topic", lowerIsBetter: false),
            judges: ["words"], generation: GenerationOptions(tokens: 24, topP: 0.9, repetitionPenalty: 1.1))
        continuations.seeds = 1
        let plain = PerplexityEvaluation(Array(try Self.lines("plain.txt").prefix(24)))
        let run = EvaluationRun(
            measures: [continuations, plain],
            series: [EvaluationSeries(name: "football", folds: [[map]], strengths: [0, 0.35, 0.7], identity: "football")],
            judges: [WordListJudge(try WordList(contentsOf: Self.concept.appendingPathComponent("words.txt")))])
        var file = EvaluationFile(task: "concept", settings: [])
        try run.run(on: model, file: &file, save: { _ in })
        let shares = file.rows.compactMap { $0["on topic (words)"]?.value }
        try #require(shares.count == 3 && file.rows.allSatisfy { $0.error == nil })
        #expect(shares[0] <= 0.1, "without steering \(shares[0])")
        #expect(shares[0] < shares[1] && shares[1] < shares[2], "shares \(shares)")
        #expect(shares[2] >= 0.4, "at λ = 0.7: \(shares[2])")
        let costs = file.rows.compactMap { $0[PerplexityEvaluation.cost]?.value }
        #expect(costs.count == 3 && costs[0] == 0)
        #expect(costs[2] < 0.5, "perplexity \(costs)")
        // What is read at equal costs lies between the strengths.
        let equal = try #require(file.equalCost.first { $0.budget == 0.05 }?.cells.first)
        #expect(equal.isReached && equal.strength > 0 && equal.strength < 0.7 && equal.effect < shares[2])
    }
}
