import Foundation
import Foundations
import Models
import Tensors
import Transport

/// Searches sites, method, support and strengths for the map that does most for its cost.
///
/// Successive halving (Karnin, Koren & Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013): many candidates are compared by few continuations, the
/// better ones by more. Every candidate is compared at the strength that uses up the budget of perplexity, all of a round on the same prompts, seeds and sentences.
/// The rounds go from families of sites to ranges of blocks and to strengths of their parts. Prompts and sentences that the comparison at the end takes are never
/// looked at before.
final class Tuner {
    private let model: Model
    private let judge: any TextJudge
    private let options: TuningOptions
    private let prompts: [String]
    private let unseenPrompts: [String]
    private let plain: [String]
    private let unseenPlain: [String]
    private let progress: ProgressHandler?
    /// The accuracy on MMLU under maps; nil where it is not looked at.
    private let mmlu: (([Steer]) throws -> Double)?
    private var trials: [TuningReport.Trial] = []
    /// The maps of all sites, with the methods' own supports.
    private var fitted: [TuningMethod.Fit: TransportMap] = [:]
    private var plainPerplexity: [String: Double] = [:]

    init(
        _ model: Model, judge: any TextJudge, prompts: [String], plain: [String], options: TuningOptions,
        mmlu: (([Steer]) throws -> Double)?, progress: ProgressHandler?
    ) throws {
        guard !prompts.isEmpty else { throw MongeError.usage("there are no prompts to continue") }
        guard plain.count >= 20 else {
            throw MongeError.usage("there are \(plain.count) plain sentences for the perplexity; 20 are the least, 100 are better")
        }
        self.model = model
        self.judge = judge
        self.options = options
        self.mmlu = mmlu
        self.progress = progress
        (self.prompts, unseenPrompts) = Self.split(prompts, seed: options.seed)
        (self.plain, unseenPlain) = Self.split(plain, seed: options.seed &+ 1)
    }

    /// Half for the search, half for the comparison; a single text serves both, with seeds of its own.
    private static func split(_ texts: [String], seed: UInt64) -> (seen: [String], unseen: [String]) {
        guard texts.count > 1 else { return (texts, texts) }
        var random = SeededGenerator(seed: seed)
        let shuffled = texts.shuffled(using: &random)
        return (Array(shuffled[..<(shuffled.count / 2)]), Array(shuffled[(shuffled.count / 2)...]))
    }

    // MARK: Rounds

    private struct Scored {
        var candidate: TuningCandidate
        var trial: TuningReport.Trial
    }

    func run(source: [String], target: [String], notice: (String) -> Void, warn: (String) -> Void) throws -> TunedMap {
        let sites = try options.sites.isEmpty ? usefulSites : SiteSelection.sites(of: model.language, matching: options.sites)
        let families = SiteFamily.families(of: sites)
        let methods = options.methods.map { TuningMethod(method: $0, support: $0.defaultSupport) }
        try fit(methods, source: source, target: target, sites: sites, warn: warn)

        var kept = try round(1, first(families, methods), samples: options.samples / 8, keeping: 6, notice: notice)
        kept = try round(2, ranges(kept, families) + joined(kept), samples: options.samples / 4, keeping: 4, notice: notice)
        let varied = kept.map(\.candidate) + supports(kept) + shrunk(kept)
        try fit(varied.map(\.method), source: source, target: target, sites: sites, warn: warn)
        kept = try round(3, varied, samples: options.samples / 2, keeping: 2, notice: notice)
        kept = try round(4, kept.map(\.candidate) + parts(kept), samples: options.samples, keeping: 1, notice: notice)
        guard let best = kept.first else {
            throw MongeError.failed("no candidate stays within the budget at any strength; give a larger one")
        }
        return try compared(best, source: source, target: target, warn: warn)
    }

    /// Every site that a map can act on without changing what the model reads.
    private var usefulSites: [Site] {
        model.language.sites.filter { !$0.name.hasSuffix("embed_tokens") && !$0.name.hasSuffix("wte") && !$0.name.hasSuffix("wpe") }
    }

    /// Each family alone, and all norms together.
    private func first(_ families: [SiteFamily], _ methods: [TuningMethod]) -> [TuningCandidate] {
        func group(_ family: SiteFamily) -> TuningCandidate.Group { .init(family: family.name, blocks: .all, sites: family.sites) }
        let norms = families.filter { $0.name.contains("norm") || $0.name.contains("ln_") }
        var sets = families.map { [group($0)] }
        if norms.count > 1 { sets.append(norms.map(group)) }
        if let last = norms.last(where: { !$0.isRepeated }) {
            for family in families where family.isRepeated && family.name.hasSuffix("o_proj") { sets.append([group(family), group(last)]) }
        }
        return methods.flatMap { method in sets.map { TuningCandidate(groups: $0, method: method) } }
    }

    private func ranges(_ kept: [Scored], _ families: [SiteFamily]) -> [TuningCandidate] {
        kept.flatMap { scored in
            scored.candidate.groups.contains { $0.sites.count > 3 }
                ? BlockRange.allCases.map { scored.candidate.with($0, of: families) } : [scored.candidate]
        }
    }

    /// The best two of different sites together.
    private func joined(_ kept: [Scored]) -> [TuningCandidate] {
        guard let first = kept.first?.candidate else { return [] }
        return kept.dropFirst().map(\.candidate).filter { $0.method == first.method && $0.siteNames.isDisjoint(with: first.siteNames) }
            .prefix(2).map { TuningCandidate(groups: first.groups + $0.groups, method: first.method) }
    }

    /// The candidates with the other support: everywhere instead of within the source's range.
    private func supports(_ kept: [Scored]) -> [TuningCandidate] {
        kept.compactMap { scored in
            guard scored.candidate.method.support != .all else { return nil }
            var candidate = scored.candidate
            candidate.method.support = .all
            return candidate
        }
    }

    /// The candidates with what few samples do not show for certain left out.
    private func shrunk(_ kept: [Scored]) -> [TuningCandidate] {
        kept.flatMap { scored in
            scored.candidate.method.shrunk.map { method in
                var candidate = scored.candidate
                candidate.method = method
                return candidate
            }
        }
    }

    /// The best candidate with its halves and groups stronger or weaker than one another.
    private func parts(_ kept: [Scored]) -> [TuningCandidate] {
        guard let best = kept.first?.candidate.split, best.groups.count > 1 else { return [] }
        return best.groups.indices.prefix(4).flatMap { index in
            [Float(0), 0.5, 2].map { share in
                var candidate = best
                candidate.groups[index].share *= share
                return candidate
            }
        }
    }

    private func round(
        _ number: Int, _ candidates: [TuningCandidate], samples: Int, keeping count: Int, notice: (String) -> Void
    ) throws -> [Scored] {
        var seen = Set<TuningCandidate.Effect>()
        let unique = candidates.filter { candidate in
            candidate.groups.contains { $0.share != 0 && !$0.sites.isEmpty }
                && seen.insert(candidate.effect).inserted
        }
        var scored: [Scored] = []
        for (index, candidate) in unique.enumerated() {
            try progress?(Progress(activity: "round \(number)", done: index, total: unique.count, unit: "candidates"))
            let map = try self.map(candidate)
            let measure = Measure(
                prompts: prompts, plain: plain, samples: max(16, samples), sentences: max(20, plain.count * samples / options.samples),
                seed: options.seed &+ UInt64(number))
            guard let trial = try trial(map, named: candidate.name, round: number, measure, startingAt: 0.7) else { continue }
            trials.append(trial)
            scored.append(Scored(candidate: candidate, trial: trial))
        }
        try progress?(Progress(activity: "round \(number)", done: unique.count, total: unique.count, unit: "candidates"))
        // Of equals, those of fewer sites.
        let ordered = scored.sorted {
            (isBetter($0.trial, $1.trial) ? 0 : 1, $0.candidate.siteNames.count)
                < (isBetter($1.trial, $0.trial) ? 0 : 1, $1.candidate.siteNames.count)
        }
        if let best = ordered.first {
            notice("round \(number): \(unique.count) candidates, the best \(percent(best.trial.share)) with \(best.candidate.name)")
        }
        return Array(ordered.prefix(count))
    }

    private func isBetter(_ a: TuningReport.Trial, _ b: TuningReport.Trial) -> Bool {
        options.minimises ? a.score < b.score : a.score > b.score
    }

    private func percent(_ share: Double) -> String { String(format: "%.0f %%", 100 * share) }

    // MARK: Measuring

    /// What candidates are measured by.
    private struct Measure {
        var prompts: [String]
        var plain: [String]
        /// Continuations.
        var samples: Int
        /// Of plain text.
        var sentences: Int
        var seed: UInt64
    }

    /// A map at the strength that uses up the budget; nil where none is within it.
    private func trial(
        _ map: TransportMap, named name: String, round: Int, _ measure: Measure, startingAt start: Float
    ) throws -> TuningReport.Trial? {
        let sentences = Array(measure.plain.prefix(measure.sentences))
        let reference = try perplexity(sentences, [])
        func increase(_ strength: Float) throws -> Double {
            do { return try perplexity(sentences, [map.at(strength)]) / reference - 1 } catch MongeError.notFinite { return .infinity }
        }
        var increases: [Float: Double] = [:]
        var search = StrengthSearch(maximum: options.maximumStrength, steps: round == 1 ? 3 : 5)
        guard
            let strength = try search.run(
                from: start,
                { strength in
                    let value = try increase(strength)
                    increases[strength] = value
                    return value / options.perplexityIncrease
                })
        else { return nil }
        let texts: [String]
        do {
            texts = try continuations(measure, [map.at(strength)])
        } catch MongeError.notFinite {
            // A map that breaks the model on some of the prompts is none to keep.
            return nil
        }
        return try counted(texts, named: name, round: round, strength: strength, perplexityIncrease: increases[strength]!)
    }

    private func perplexity(_ sentences: [String], _ steering: [Steer]) throws -> Double {
        guard steering.isEmpty else { return try model.perplexity(of: sentences, steering: steering).perToken }
        let key = "\(sentences.count) \(sentences.first ?? "")"
        if let known = plainPerplexity[key] { return known }
        let value = try model.perplexity(of: sentences).perToken
        plainPerplexity[key] = value
        return value
    }

    private func continuations(_ measure: Measure, _ steering: [Steer]) throws -> [String] {
        var generation = options.generation
        generation.seed = measure.seed
        let requests = (0..<measure.samples).map { GenerationRequest(measure.prompts[$0 % measure.prompts.count], steering: steering) }
        let generations = try model.generate(requests, options: generation)
        if let failure = generations.lazy.compactMap(\.failure).first { throw failure }
        return generations.map(\.text)
    }

    /// What the judge says of continuations under a map.
    private func counted(
        _ texts: [String], named name: String, round: Int = TuningReport.Trial.unseen, strength: Float, perplexityIncrease: Double,
        mmlu: Double? = nil
    ) throws -> TuningReport.Trial {
        var scores: [Double] = []
        try judge.judge(texts) { scores += $0 }
        let count = Double(scores.count)
        return TuningReport.Trial(
            round: round, candidate: name, strength: strength, share: Double(scores.count { $0 >= options.threshold }) / count,
            score: scores.reduce(0, +) / count, continuations: texts.count, perplexityIncrease: perplexityIncrease, mmluChange: mmlu)
    }

    // MARK: Maps

    /// For each method that is new one pass over the sentences for all sites: methods pool tokens in their own ways.
    private func fit(
        _ methods: [TuningMethod], source: [String], target: [String], sites: [Site], warn: (String) -> Void
    ) throws {
        let patterns = sites.map { NSRegularExpression.escapedPattern(for: $0.name) }
        for method in methods where fitted[method.fit] == nil {
            fitted[method.fit] = try model.fit(
                source: source, target: target, sites: patterns, options: fitOptions(method, .simultaneous), progress: progress, warn: warn)
        }
    }

    private func fitOptions(_ method: TuningMethod, _ estimation: Estimation) -> FitOptions {
        FitOptions(
            method: method.method, estimation: estimation,
            support: method.support == .all && method.method.columnFit == nil ? nil : method.support, shrinkage: method.shrinkage,
            capture: options.capture, limit: options.limit, seed: options.seed, sourceName: options.sourceName,
            targetName: options.targetName)
    }

    /// The candidate's map: parts of the fitted one, each with its share of the strength.
    private func map(_ candidate: TuningCandidate, from whole: TransportMap? = nil) throws -> TransportMap {
        var shares: [String: Float] = [:]
        for group in candidate.groups { for site in group.sites { shares[site.name] = group.share } }
        var map = whole ?? fitted[candidate.method.fit]!
        map.condition = options.condition
        // Slopes and shifts do not depend on the support.
        if candidate.method.support == .all { map = map.actingEverywhere }
        map.sites = map.sites.compactMap { site in
            guard let share = shares[site.name], share != 0 else { return nil }
            return site.scaled(by: share)
        }
        return map
    }

    // MARK: The end

    /// The best candidate and the usual map on what the search never saw.
    private func compared(
        _ best: Scored, source: [String], target: [String], warn: (String) -> Void
    ) throws -> TunedMap {
        let unseen = Measure(
            prompts: unseenPrompts, plain: unseenPlain, samples: options.samples, sentences: unseenPlain.count, seed: options.seed &+ 1000)
        func fitted(_ sites: [String], _ method: TuningMethod, _ estimation: Estimation) throws -> TransportMap {
            try model.fit(
                source: source, target: target, sites: sites.map(NSRegularExpression.escapedPattern(for:)),
                options: fitOptions(method, estimation), progress: progress, warn: warn)
        }
        // The strength comes from what the search saw; what is unseen only measures it.
        let seen = Measure(
            prompts: prompts, plain: plain, samples: options.samples, sentences: plain.count, seed: options.seed &+ 999)
        var finalists: [(map: TransportMap, trial: TuningReport.Trial)] = []
        var maps = [try map(best.candidate)]
        if options.estimation == .causal, best.candidate.method.method.defaultEstimation == .causal {
            maps.append(try map(best.candidate, from: fitted(Array(best.candidate.siteNames), best.candidate.method, .causal)))
        }
        for map in maps {
            if let trial = try trial(
                map, named: "\(best.candidate.name), \(map.description.estimation.rawValue)", round: 5, seen,
                startingAt: best.trial.strength)
            {
                trials.append(trial)
                finalists.append((map, trial))
            }
        }
        guard var chosen = finalists.first(where: { one in finalists.allSatisfy { !isBetter($0.trial, one.trial) } }) else {
            throw MongeError.failed("the map that was found exceeds the budget on all of the plain text; give more of it")
        }
        try keepMMLU(&chosen)
        let untouched = try counted(continuations(unseen, []), named: "untouched", strength: 0, perplexityIncrease: 0)
        let (tuned, texts) = try measured(
            chosen.map, at: chosen.trial.strength, unseen, named: chosen.trial.candidate, mmlu: chosen.trial.mmluChange)
        let usual = try usualTrial(seen: seen, unseen: unseen, fitted: fitted)
        var result = try chosen.map.scaled(by: chosen.trial.strength)
        result.description.date = ISO8601DateFormatter().string(from: Date())
        let strength = chosen.trial.strength
        return TunedMap(
            map: result,
            report: TuningReport(
                budgets: [TuningBudget.perplexity(increase: options.perplexityIncrease).description]
                    + (options.mmluPoints.map { [TuningBudget.mmlu(points: $0).description] } ?? []),
                trials: trials, untouched: untouched, usual: usual, tuned: tuned,
                parts: best.candidate.groups.filter { $0.share != 0 }.map {
                    .init(sites: $0.name, count: $0.sites.count, strength: $0.share * strength)
                }, examples: Array(texts.prefix(5))))
    }

    /// Lowers the strength until MMLU stays within its budget.
    private func keepMMLU(_ chosen: inout (map: TransportMap, trial: TuningReport.Trial)) throws {
        guard let mmlu, let points = options.mmluPoints else { return }
        let reference = try mmlu([])
        for _ in 0..<6 {
            let change = 100 * (try mmlu([chosen.map.at(chosen.trial.strength)]) - reference)
            chosen.trial.mmluChange = change
            if change >= -points { return }
            chosen.trial.strength *= 0.8
        }
        throw MongeError.failed(
            "even at a strength of \(chosen.trial.strength) the map costs more than \(points) points of MMLU; give a larger budget or other sites"
        )
    }

    private func measured(
        _ map: TransportMap, at strength: Float, _ measure: Measure, named name: String, mmlu: Double? = nil
    ) throws -> (trial: TuningReport.Trial, texts: [String]) {
        let steering = [map.at(strength)]
        let texts = try continuations(measure, steering)
        let reference = try perplexity(measure.plain, [])
        let increase = try perplexity(measure.plain, steering) / reference - 1
        return (try counted(texts, named: name, strength: strength, perplexityIncrease: increase, mmlu: mmlu), texts)
    }

    /// The map that a user would fit without tuning, at the same budget.
    private func usualTrial(
        seen: Measure, unseen: Measure, fitted: ([String], TuningMethod, Estimation) throws -> TransportMap
    ) throws -> TuningReport.Trial {
        let names = model.language.sites.map(\.name)
        let last = names.filter { $0 == "model.norm" || $0 == "transformer.ln_f" }
        var sites = names.filter { $0.hasSuffix("o_proj") || $0.hasSuffix("attn.c_proj") } + last
        if sites.isEmpty { sites = names.filter { $0.contains("norm") } }
        var map = try fitted(sites, TuningMethod(method: .linear, support: .minimumToMaximum), .causal)
        map.condition = options.condition
        let name = "the usual map (linear, causal, \(sites.count) sites)"
        guard let found = try trial(map, named: name, round: 5, seen, startingAt: 0.7) else {
            return try counted(continuations(unseen, []), named: name, strength: 0, perplexityIncrease: 0)
        }
        return try measured(map, at: found.strength, unseen, named: name).trial
    }
}
