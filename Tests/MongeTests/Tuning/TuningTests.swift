import Foundation
import Models
import Monge
import Testing
import Transport

@Suite struct TuningTests {
    /// Costs that grow as a power of the strength, jump to infinity, or are none at all: the strength found is within the budget, and near it.
    @Test(arguments: [0.5, 1, 2, 3.5]) func strengthsMeetTheBudget(power: Double) {
        for scale in [0.02, 0.7, 40] {
            var search = StrengthSearch(maximum: 100, steps: 8)
            func cost(_ strength: Float) -> Double { scale * pow(Double(strength), power) }
            let best = search.run(from: 0.7, cost)
            let ideal = Float(pow(1 / scale, 1 / power))
            #expect(best.map { cost($0) <= 1 } == true)
            #expect((best ?? 0) >= 0.7 * min(ideal, 100), "power \(power), scale \(scale): \(best ?? 0) of \(ideal)")
        }
    }

    @Test func strengthsStopWhereTheModelBreaks() {
        var search = StrengthSearch(maximum: 3, steps: 8)
        let best = search.run(from: 0.7) { $0 < 0.31 ? 0.1 : .infinity }
        #expect(best.map { $0 < 0.31 && $0 > 0.1 } == true)
        var free = StrengthSearch(maximum: 3, steps: 8)
        #expect(free.run(from: 0.7) { _ in -0.2 } == 3, "what costs nothing is taken in full")
        var dear = StrengthSearch(maximum: 3, steps: 4)
        #expect(dear.run(from: 0.7) { _ in 50 } == nil)
    }

    @Test func budgetsAreRead() {
        #expect(TuningBudget("perplexity +10%") == .perplexity(increase: 0.1) && TuningBudget("mmlu -1.5") == .mmlu(points: 1.5))
        #expect(TuningBudget("perplexity +10%")?.description == "perplexity +10%")
        for text in ["perplexity", "perplexity 10", "perplexity -10%", "mmlu 1", "mmlu -x", "speed +1%", ""] {
            #expect(TuningBudget(text) == nil, "\(text)")
        }
    }

    @Test func sitesOfBlocksAreFamilies() {
        let names = ["embed", "model.layers.0.a", "model.layers.0.b.1", "model.layers.1.a", "model.layers.1.b.1", "model.norm"]
        let families = SiteFamily.families(of: names.enumerated().map { Site(name: $1, index: $0, channels: 4) })
        #expect(families.map(\.name) == ["embed", "model.layers.*.a", "model.layers.*.b.1", "model.norm"])
        #expect(families[1].sites.map(\.index) == [1, 3] && families[1].part(0.5...1).map(\.index) == [3])
        #expect(families[1].part(0...1).count == 2 && families[0].part(0...1).count == 1)
    }

    /// A word that source sentences have not and target sentences have: the tuned map brings it in, at no more than its budget.
    @Test func aMapIsTuned() throws {
        let model = try TestModel.load(.cpu)
        let plain = (0..<24).map { "The train to the city leaves at \($0) in the morning, and people read on it." }
        var options = TuningOptions()
        options.sites = [#"model\.layers\.(1[0-3])\.self_attn\.o_proj"#, #"model\.norm"#]
        options.methods = [.mean]
        options.samples = 16
        options.generation = GenerationOptions(tokens: 6, topP: 0.9)
        options.perplexityIncrease = 0.5
        var notices = 0
        let tuned = try model.tune(
            source: CausalFitTests.source, target: CausalFitTests.target, judge: WordListJudge(WordList(["the", "a", "ball"])),
            prompts: ["Once upon a time", "In the evening"], plain: plain, options: options, notice: { _ in notices += 1 })
        #expect(notices == 4)
        let report = tuned.report
        #expect(report.budgets == ["perplexity +50%"] && !report.trials.isEmpty && report.tuned.round == TuningReport.Trial.unseen)
        for trial in report.trials { #expect(trial.perplexityIncrease <= 0.5 && (0...1).contains(trial.share) && trial.strength > 0) }
        #expect(report.trials.contains { $0.candidate.hasSuffix("mean, shrinkage 3.0") })
        #expect(
            tuned.map.description.shrinkage
                == (report.tuned.candidate.contains("shrinkage 3") ? 3 : report.tuned.candidate.contains("shrinkage 5") ? 5 : 0))
        // Strength 1 of what is written is the strength that was found: the same continuations, and the same sites.
        let names = Set(tuned.map.sites.map(\.name))
        #expect(names.count == report.parts.map(\.count).reduce(0, +) && names.isSubset(of: Set(model.language.sites.map(\.name))))
        #expect(Set(report.parts.map(\.strength)).allSatisfy { $0 > 0 } && report.examples.count == 5)
        let again = try model.tune(
            source: CausalFitTests.source, target: CausalFitTests.target, judge: WordListJudge(WordList(["the", "a", "ball"])),
            prompts: ["Once upon a time", "In the evening"], plain: plain, options: options)
        #expect(again.report == report && again.map.sites == tuned.map.sites, "the same seed finds the same map")
    }

    @Test func whatCannotBeTunedIsRefused() throws {
        let model = try TestModel.load(.cpu)
        func refused(_ plain: [String], _ prompts: [String] = ["One"], _ change: (inout TuningOptions) -> Void = { _ in }) -> Bool {
            var options = TuningOptions()
            change(&options)
            do {
                _ = try model.tune(
                    source: CausalFitTests.source, target: CausalFitTests.target, judge: WordListJudge(WordList(["x"])), prompts: prompts,
                    plain: plain, options: options)
                return false
            } catch { return error is MongeError }
        }
        let plain = (0..<24).map { "Sentence \($0)." }
        #expect(refused(Array(plain.prefix(5))))
        #expect(refused(plain, []))
        #expect(refused(plain) { $0.methods = [.det0] })
        #expect(refused(plain) { $0.samples = 3 })
        #expect(refused(plain) { $0.sites = ["nothing"] })
    }
}
