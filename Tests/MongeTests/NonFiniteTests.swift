import Foundation
import Monge
import Tensors
import Testing
import Transport

/// What is said when a model gives no finite numbers, and that it is said everywhere.
@Suite(.serialized) struct NonFiniteTests {
    static let sentences = ["The rain fell on the quiet town all night.", "She bought bread and apples at the market near the old bridge."]

    /// A map that adds `beta` to every neuron of a site.
    private func shift(_ model: Model, site name: String, by beta: Float) throws -> TransportMap {
        var map = try model.fit(
            source: CausalFitTests.source, target: CausalFitTests.target, sites: [name.replacing(".", with: #"\."#)],
            options: FitOptions(method: .mean))
        map.sites[0].map.beta = Array(repeating: beta, count: map.sites[0].map.channels)
        return map
    }

    private func failure(_ body: () throws -> Void) throws -> NonFiniteNumbers {
        do { try body() } catch MongeError.notFinite(let numbers) { return numbers }
        Issue.record("numbers that are not finite were taken")
        throw CancellationError()
    }

    /// β·λ = 10⁶⁰ is infinite in f32.
    @Test func everyResultNamesPromptStrengthAndSite() throws {
        let model = try TestModel.load(.cpu)
        let site = "model.layers.4.mlp.up_proj"
        let steering = [try shift(model, site: site, by: 1e30).at(1e30)]
        let tokens = model.tokenizer.encode(Self.sentences[0], addSpecial: true, parseSpecial: false)
        let ofLogits = try failure { _ = try model.logits(of: tokens, steering: steering) }
        #expect(
            ofLogits
                == NonFiniteNumbers(
                    quantity: "logits", name: "the text", text: model.tokenizer.decode(tokens), strengths: [1e30], site: site,
                    cause: .steering))
        let ofPerplexity = try failure { _ = try model.perplexity(of: ["One", Self.sentences[1]], steering: steering) }
        #expect(
            ofPerplexity.name == "sentence 2" && ofPerplexity.beginning == "She bought bread and apples at …" && ofPerplexity.site == site)
        for pooling in CapturePooling.allCases {
            let ofActivations = try failure {
                _ = try model.activations(
                    of: Self.sentences, sites: [#"model\.layers\.6\.input_layernorm"#], options: CaptureOptions(pooling: pooling),
                    steering: steering)
            }
            #expect(ofActivations.quantity == "activations" && ofActivations.name == "sentence 1" && ofActivations.site == site)
            #expect(ofActivations.cause == .steering && ofActivations.description.contains("use a smaller strength"))
        }
        #expect(try model.firstNonFiniteSite(tokens: tokens, steering: steering)?.name == site)
        #expect(try model.firstNonFiniteSite(tokens: tokens) == nil)
    }

    /// Keys of 10⁵ are infinite in f16 and ordinary numbers in f32, whose softmax does not mind a shift of all scores.
    @Test func aHalfCacheThatOverflowsIsNamed() throws {
        let model = try Model.load("smollm2", device: .cpu, cache: .f16)
        let map = try shift(model, site: "model.layers.2.self_attn.v_proj", by: 1e5)
        let found = try failure { _ = try model.perplexity(of: [Self.sentences[0]], steering: [map.at(1)]) }
        #expect(found.cause == .halfPrecisionCache && found.site == "model.layers.2.self_attn.o_proj.input")
        #expect(found.description.contains("--cache f32") && !found.description.contains("smaller strength"))
    }

    /// A weight that is no number: no advice on strengths, and the side of a fit is named.
    @Test func aDamagedModelIsNotBlamedOnSteering() throws {
        let (model, _) = try BackwardsModel.model(damaged: true)
        for estimation in Estimation.allCases {
            let found = try failure {
                _ = try model.fit(
                    source: Self.sentences, target: Self.sentences, sites: [".*"], options: FitOptions(estimation: estimation))
            }
            #expect(found.name == "source sentence 1" && found.cause == .model, "\(found)")
            #expect(found.site == "second" && !found.description.contains("smaller strength"))
        }
    }

    /// One bad strength has a row that says so; the others have theirs. β·λ = 3 · 10⁴¹ is infinite in f32, whatever the order of sums.
    @Test func aSweepKeepsItsGoodStrengths() throws {
        let model = try TestModel.load(.cpu)
        let map = try shift(model, site: "model.layers.4.mlp.up_proj", by: 1e3)
        var continuations = ContinuationEvaluation(
            PromptSet(texts: ["Once upon a time"]), goal: .init("on topic", lowerIsBetter: false), judges: ["words"],
            generation: GenerationOptions(tokens: 1, repetitionPenalty: 1.1))
        continuations.seeds = 1
        let run = EvaluationRun(
            measures: [PerplexityEvaluation(Self.sentences), continuations],
            series: [EvaluationSeries(name: "shift", folds: [[map]], strengths: [3e38, 0.5], identity: "shift")],
            judges: [WordListJudge(try WordList(["rain"]))])
        var file = EvaluationFile(task: "concept", settings: [])
        try run.run(on: model, file: &file, save: { _ in })
        let rows = file.rows
        #expect(rows.map(\.strength) == [0, 0.5, 3e38])
        #expect(rows.map { $0.error == nil } == [true, true, false])
        #expect(rows.map { $0["perplexity"] == nil } == [false, false, true])
        #expect(rows[2].error?.contains("λ = 3e+38") == true)
    }
}
