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

    /// Refuses data that nothing can be fitted to, and says what is likely to hurt the result.
    /// - Parameter unit: What the texts are, in the plural: "sentences".
    static func check(
        source: [String], target: [String], sites: [Site], options: FitOptions, unit: String, warn: (String) -> Void
    ) throws {
        guard !source.isEmpty else { throw MongeError.usage("there are no source \(unit)") }
        guard !target.isEmpty else { throw MongeError.usage("there are no target \(unit)") }
        let fewest = min(source.count, target.count)
        if fewest < 2 && options.method != .mean {
            throw MongeError.usage("a \(options.method.rawValue) map needs at least two \(unit) a side, there is one")
        }
        for (texts, name) in [(source, "source"), (target, "target")] where texts.count > 1 {
            if Set(texts).count == 1 { warn("all \(texts.count) \(name) \(unit) are the same: there is no spread to fit to") }
        }
        if options.estimation == .causal && fewest < 100 && sites.count > 8 {
            warn(
                "causal estimation over \(sites.count) sites with \(fewest) \(unit) a side: below about 100, errors build up from "
                    + "site to site; give more \(unit), or fewer sites")
        }
    }
}
