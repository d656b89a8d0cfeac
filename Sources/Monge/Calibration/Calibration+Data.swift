import Foundations
import Models
import Transport

extension Calibration {
    /// At most `limit` of the texts, drawn without replacement, in their order.
    static func sample(_ texts: [String], limit: Int?, seed: UInt64) -> [String] {
        guard let limit, limit < texts.count else { return texts }
        var random = SeededGenerator(seed: seed)
        return Array(texts.indices.shuffled(using: &random).prefix(max(0, limit))).sorted().map { texts[$0] }
    }

    /// Both sides' texts: at most the limit of each, pairs kept together where there are pairs.
    /// - Throws: ``MongeError/usage(_:)`` when pairs are asked for and the sides have not as many.
    static func sides(
        source: [String], target: [String], options: FitOptions, unit: String
    ) throws -> (source: [String], target: [String]) {
        let isPaired = options.isPaired || options.method.needsPairs
        if isPaired && source.count != target.count {
            throw MongeError.usage(
                "there are \(source.count) source \(unit) and \(target.count) target \(unit): pairs are one of each, in the same order")
        }
        return (
            sample(source, limit: options.limit, seed: options.seed),
            sample(target, limit: options.limit, seed: isPaired ? options.seed : options.seed &+ 1)
        )
    }

    /// Refuses data that nothing can be fitted to, and says what is likely to hurt the result.
    /// - Parameter unit: What the texts are, in the plural: "sentences".
    static func check(
        source: [String], target: [String], sites: [Site], options: FitOptions, unit: String, warn: (String) -> Void
    ) throws {
        guard !source.isEmpty else { throw MongeError.usage("there are no source \(unit)") }
        guard !target.isEmpty else { throw MongeError.usage("there are no target \(unit)") }
        let fewest = min(source.count, target.count)
        try options.check(samples: fewest, sites: sites.count, unit: unit)
        // Where every token is a sample, the fit knows how many there are.
        if let clusters = options.clusters?.count, clusters > fewest, options.effectivePooling != .all {
            throw MongeError.usage(
                "\(clusters) clusters need at least as many samples a side, and there are \(fewest) \(unit): --clusters \(fewest)")
        }
        for (texts, name) in [(source, "source"), (target, "target")] where texts.count > 1 {
            if Set(texts).count == 1 { warn("all \(texts.count) \(name) \(unit) are the same: there is no spread to fit to") }
        }
        if options.effectiveEstimation == .causal && fewest < 100 && sites.count > 8 {
            warn(
                "causal estimation over \(sites.count) sites with \(fewest) \(unit) a side: below about 100, errors build up from "
                    + "site to site; give more \(unit), or fewer sites")
        }
    }
}

extension FitOptions {
    /// Says so where nothing is left of a map.
    func check(_ map: TransportMap, warn: (String) -> Void) {
        if shrinkage > 0 && map.movedNeurons == 0 {
            warn(
                "no neuron's means differ by \(shrinkage) of their standard errors: the map does nothing; give more samples, or a smaller shrinkage"
            )
        }
    }

    /// Refuses numbers of samples and sites that the method is not defined for.
    /// - Parameters:
    ///   - samples: Of the side that has fewer.
    ///   - unit: What they are, in the plural: "sentences".
    func check(samples: Int, sites: Int, unit: String) throws {
        guard samples >= method.minimumSamples else {
            throw MongeError.usage(
                "a \(method) map needs at least \(method.minimumSamples) \(unit) a side, there \(samples == 1 ? "is" : "are") \(samples)")
        }
        guard samples >= 2 || shrinkage == 0 else {
            throw MongeError.usage(
                "--shrinkage asks how far means can be trusted, which one sample does not tell: give 2 \(unit) a side or more")
        }
        guard method == .actAdd else { return }
        guard samples == 1, sites == 1 else {
            throw MongeError.usage(
                "actAdd is the difference of one pair of \(unit) at one site, and there are \(samples) pairs and \(sites) sites; "
                    + "caa takes more of either")
        }
    }
}
