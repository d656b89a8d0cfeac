import Foundation
import Monge
import Tensors
import Testing

/// A small version of what `monge evaluate` tabulates, on the concept that ships with the project.
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
        var evaluation = ConceptEvaluation(
            words: try WordList(contentsOf: Self.concept.appendingPathComponent("words.txt")),
            plainText: Array(try Self.lines("plain.txt").prefix(24)))
        evaluation.samples = 60
        evaluation.strengths = [0, 0.35, 0.7]
        let rows = try evaluation.rows(for: map, on: model)
        let shares = rows.compactMap(\.onTopic)
        try #require(shares.count == 3 && rows.allSatisfy { $0.error == nil })
        #expect(shares[0] <= 0.1, "without steering \(shares[0])")
        #expect(shares[0] < shares[1] && shares[1] < shares[2], "shares \(shares)")
        #expect(shares[2] >= 0.4, "at λ = 0.7: \(shares[2])")
        #expect(rows[0].perplexityIncrease == 0)
        #expect(try #require(rows[2].perplexityIncrease) < 0.5, "perplexity \(rows.map(\.perplexity))")
    }
}
