import Foundation
import Models
import Monge
import Testing
import Transport

/// Which tokens become samples, and the sites that heads and directions need.
@Suite struct CaptureTests {
    static let sentences = ["The cat sat on the mat.", "Trains run late in winter.", "Yes."]
    private let site = [#"model\.layers\.2\.self_attn\.o_proj\.input"#]

    private func capture(_ model: Model, _ options: CaptureOptions, sites: [String]? = nil) throws -> SiteActivations {
        try model.activations(of: Self.sentences, sites: sites ?? site, options: options)[0]
    }

    /// Every token is a sample: their mean is the mean-pooled sample, and tokens that are skipped are missing.
    @Test func everyTokenIsASample() throws {
        let model = try TestModel.load(.cpu)
        let counts = Self.sentences.map { model.tokenizer.encode($0, addSpecial: true, parseSpecial: false).count }
        for skipped in [0, 1, 3] {
            let all = try capture(model, CaptureOptions(pooling: .all, skippedTokens: skipped))
            let means = try capture(model, CaptureOptions(skippedTokens: skipped))
            let kept = counts.map { max(1, $0 - skipped) }
            #expect(all.samples == kept.reduce(0, +) && means.samples == 3 && all.heads == 9)
            var row = 0
            for (sentence, count) in kept.enumerated() {
                for j in 0..<all.channels {
                    let sum = (row..<row + count).reduce(0) { $0 + Double(all.values[$1 * all.channels + j]) }
                    let mean = Double(means.values[sentence * all.channels + j])
                    #expect(abs(sum / Double(count) - mean) <= 1e-5 * max(1, abs(mean)))
                }
                row += count
            }
            let last = try capture(model, CaptureOptions(pooling: .last, skippedTokens: skipped))
            #expect(Array(last.values.suffix(all.channels)) == Array(all.values.suffix(all.channels)))
        }
    }

    /// A draw takes tokens that are there, each once, and the same at every site.
    @Test func tokensAreDrawn() throws {
        let model = try TestModel.load(.cpu)
        let sites = site + [#"model\.layers\.1\.input_layernorm"#]
        let all = try model.activations(of: Self.sentences, sites: sites, options: CaptureOptions(pooling: .all))
        let drawn = try model.activations(of: Self.sentences, sites: sites, options: CaptureOptions(pooling: .all, samples: 7))
        func rows(_ activations: SiteActivations) -> [[Float]] {
            (0..<activations.samples).map { Array(activations.values[$0 * activations.channels..<($0 + 1) * activations.channels]) }
        }
        var places = [[Int]]()
        for (all, drawn) in zip(all, drawn) {
            let everything = rows(all)
            #expect(drawn.samples == 7)
            places.append(try rows(drawn).map { try #require(everything.firstIndex(of: $0)) })
        }
        #expect(places[0] == places[1] && Set(places[0]).count == 7)
    }

    /// The heads' results times the output projection's weight are the projection's results; a map there moves them.
    @Test func headsAreSteeredBeforeTheirProjection() throws {
        let model = try TestModel.load(.cpu)
        let output = [#"model\.layers\.2\.self_attn\.o_proj"#]
        let map = try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: site, options: FitOptions(method: .caa))
        #expect(
            map.description.pooling == "last" && map.description.estimation == .simultaneous
                && map.sites.map(\.name) == [
                    "model.layers.2.self_attn.o_proj.input"
                ])
        func sample(_ sites: [String], _ strength: Float) throws -> [Float] {
            try model.activations(of: [Self.sentences[0]], sites: sites, steering: [map.at(strength)])[0].values
        }
        let beta = map.sites[0].map.beta
        let moved = zip(try sample(site, 2), try sample(site, 0)).map { $0 - $1 }
        for (j, shift) in moved.enumerated() { #expect(abs(shift - 2 * beta[j]) <= 1e-4 * max(1, abs(beta[j]))) }
        // Linear: twice the strength moves the projection twice as far, and strength 0 not at all.
        let projections = try [0, 1, 2].map { try sample(output, Float($0)) }
        #expect(try sample(output, 0) == model.activations(of: [Self.sentences[0]], sites: output)[0].values)
        for j in projections[0].indices {
            let (once, twice) = (projections[1][j] - projections[0][j], projections[2][j] - projections[0][j])
            #expect(abs(twice - 2 * once) <= 1e-4 * max(1, abs(projections[0][j])))
        }
        #expect(zip(projections[0], projections[1]).contains { abs($0 - $1) > 1e-3 })
    }

    @Test func pairsAreDrawnTogether() throws {
        let model = try TestModel.load(.cpu)
        #expect(throws: MongeError.self) {
            try model.fit(
                source: Self.sentences, target: CausalFitTests.target + ["More."], sites: site, options: FitOptions(method: .repe))
        }
        // Each target is its source: differences of pairs are zero whatever is drawn.
        let texts = CausalFitTests.source + CausalFitTests.target
        let map = try model.fit(
            source: texts, target: texts, sites: site, options: FitOptions(method: .caa, isPaired: true, limit: 3, seed: 5))
        #expect(map.description.sourceCount == 3 && map.sites[0].map.beta.allSatisfy { $0 == 0 })
    }
}
