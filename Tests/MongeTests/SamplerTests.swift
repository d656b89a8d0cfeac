import Foundation
import Monge
import Testing

/// The distribution of what is drawn, seen through the public interface: one token after a prompt, many times.
@Suite struct SamplingTests {
    private func firstTokens(_ options: GenerationOptions, count: Int) throws -> [Int32] {
        let model = try TestModel.load(.cpu)
        return try model.generate(Array(repeating: GenerationRequest("The capital of France is"), count: count), options: options)
            .compactMap(\.tokens.first)
    }

    /// The probabilities of the next token, from the model's own logits.
    private func probabilities(_ model: Model) throws -> [Double] {
        let logits = try model.logits(of: model.tokenizer.encode("The capital of France is", addSpecial: true, parseSpecial: false))
            .suffix(model.language.vocabularySize).map(Double.init)
        let maximum = logits.max()!
        let exponentials = logits.map { exp($0 - maximum) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }

    @Test func frequenciesFollowTheModel() throws {
        let model = try TestModel.load(.cpu)
        let p = try probabilities(model)
        let count = 600
        let drawn = try firstTokens(GenerationOptions(tokens: 1, seed: 3), count: count)
        let best = p.indices.max { p[$0] < p[$1] }!
        let frequency = Double(drawn.count { $0 == Int32(best) }) / Double(count)
        // Five standard deviations of a binomial share.
        #expect(abs(frequency - p[best]) <= 5 * (p[best] * (1 - p[best]) / Double(count)).squareRoot())
    }

    @Test func topPKeepsTheSmallestSetThatReachesIt() throws {
        let model = try TestModel.load(.cpu)
        let p = try probabilities(model)
        let order = p.indices.sorted { p[$0] > p[$1] }
        var nucleus = Set<Int32>(), sum = 0.0
        for index in order {
            nucleus.insert(Int32(index))
            sum += p[index]
            if sum >= 0.6 { break }
        }
        let drawn = Set(try firstTokens(GenerationOptions(tokens: 1, topP: 0.6, seed: 4), count: 200))
        #expect(drawn.isSubset(of: nucleus))
        #expect(drawn.count > 1 || nucleus.count == 1)
    }

    @Test func topKKeepsTheMostLikely() throws {
        let model = try TestModel.load(.cpu)
        let p = try probabilities(model)
        let best = Set(p.indices.sorted { p[$0] > p[$1] }.prefix(3).map(Int32.init))
        #expect(Set(try firstTokens(GenerationOptions(tokens: 1, temperature: 5, topK: 3, seed: 5), count: 100)) == best)
    }

    @Test func aPenaltyAvoidsRepetition() throws {
        let model = try TestModel.load(.cpu)
        let prompt = "The cat sat on the mat. The cat sat on the mat. The cat sat on"
        func repeated(_ penalty: Float) throws -> Int {
            let options = GenerationOptions(tokens: 8, temperature: 0, repetitionPenalty: penalty)
            let tokens = try model.generate([GenerationRequest(prompt)], options: options)[0].tokens
            var seen = Set(model.tokenizer.encode(prompt, addSpecial: true, parseSpecial: false))
            return tokens.count { !seen.insert($0).inserted }
        }
        #expect(try repeated(1) >= 4)
        #expect(try repeated(5) == 0)
    }
}
