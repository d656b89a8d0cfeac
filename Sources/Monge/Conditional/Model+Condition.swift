import Models
import Tokenizers
import Transport

extension Model {
    /// Fits the condition under which a map is to act, from prompts that are to be steered and prompts that are to be left alone.
    ///
    /// Where several sites are looked at, the condition is at the one that tells held-out prompts apart best; of equals at the earliest, which costs
    /// least to get to.
    ///
    /// - Parameters:
    ///   - source: Prompts that are to meet the condition, ten or more.
    ///   - target: Prompts that are not, ten or more.
    ///   - sites: Regular expressions that match site names in full; empty for the outputs of all blocks.
    ///   - warn: Receives a sentence for each thing that is likely to hurt the result, an accuracy near that of a guess among them.
    /// - Throws: ``MongeError`` for too few prompts, sets that no plane tells apart, or a pattern without a match.
    public func fitCondition(
        source: [String], target: [String], sites patterns: [String] = [], options: ConditionOptions = ConditionOptions(),
        progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> Condition {
        for (prompts, name) in [(source, "source"), (target, "target")] where prompts.count < ConditionFit.minimumSamples {
            throw MongeError.usage(
                "a condition needs at least \(ConditionFit.minimumSamples) prompts a set, the condition's \(name) has \(prompts.count)")
        }
        guard (0...1).contains(options.recall) else {
            throw MongeError.usage("the recall of a condition is \(options.recall), expected a share from 0 to 1")
        }
        let sites =
            patterns.isEmpty
            ? language.sites.filter { ControlVector.block(of: $0.name) != nil } : try SiteSelection.sites(of: language, matching: patterns)
        let captured = try [("condition source prompt", source), ("condition target prompt", target)].map {
            try promptActivations($1, kind: $0, sites: sites, options: options, progress: progress, warn: warn)
        }
        var best: (site: Int, fit: ConditionFit)?
        for (index, (a, b)) in zip(captured[0], captured[1]).enumerated() {
            let fit = ConditionFit(
                source: a.values, target: b.values, channels: a.channels, seed: options.seed, recall: options.recall)
            guard let fit else { continue }
            if best.map({ fit.accuracy > $0.fit.accuracy }) ?? true { best = (index, fit) }
        }
        guard let (site, fit) = best else {
            throw MongeError.usage(
                "the two sets of the condition's prompts have the same mean activation at \(sites.map(\.name).joined(separator: ", ")): "
                    + "nothing tells them apart")
        }
        let condition = Condition(
            site: sites[site].name, direction: fit.direction.map { Float($0) }, centre: fit.centre.map { Float($0) },
            threshold: Float(fit.threshold), side: fit.side, pooling: options.pooling, skippedTokens: options.skippedTokens,
            accuracy: fit.accuracy, sourceName: options.sourceName, targetName: options.targetName, sourceCount: source.count,
            targetCount: target.count)
        if condition.isNearChance {
            warn(
                "the condition at \(condition.site) tells held-out prompts apart with a balanced accuracy of \(Percent(condition.accuracy)), little "
                    + "better than a guess: the map will act in requests that it should leave alone, and not in others; give more prompts, prompts that "
                    + "differ more, or another site")
        }
        return condition
    }

    private func promptActivations(
        _ prompts: [String], kind: String, sites: [Models.Site], options: ConditionOptions, progress: ProgressHandler?,
        warn: (String) -> Void
    ) throws -> [SiteActivations] {
        let template = options.isChat ? try chatTemplate() : nil
        let set = try CalibrationSet(prompts, maximumTokens: options.maximumTokens, model: self) { prompt in
            guard let template else { return self.tokenizer.encode(prompt, addSpecial: true, parseSpecial: false) }
            let text = try template.render(messages: [ChatMessage(role: .user, content: prompt)], addGenerationPrompt: true)
            return self.tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        }
        reportCuts(set.cutCount, of: set.count, kind + "s", maximumTokens: options.maximumTokens, warn: warn)
        let capture = CaptureOptions(
            pooling: CapturePooling(options.pooling), maximumTokens: options.maximumTokens, skippedTokens: options.skippedTokens)
        let side = try CalibrationSide(
            kind, prompts, set, options: FitOptions(method: .mean, capture: capture), seed: options.seed, model: self)
        return try Calibration(model: language, sites: sites, unit: "prompts").activations(
            side, options: capture, transports: { _ in [] }, steering: [], progress: progress)
    }
}

/// A share as a person reads it.
package struct Percent: CustomStringConvertible {
    private let share: Double

    package init(_ share: Double) { self.share = share }

    package var description: String { "\(Int((100 * share).rounded())) %" }
}
