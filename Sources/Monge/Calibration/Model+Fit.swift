import Models
import Transport

extension Model {
    /// Fits transport maps from source sentences to target sentences at chosen sites (Rodríguez et al. 2025).
    ///
    /// `simultaneous` estimation fits every site on the untouched model; `causal` fits each site with the maps of all earlier ones
    /// in place, for source and target alike. Either costs one forward pass over the sentences.
    ///
    /// - Parameters:
    ///   - source: Sentences as the model tends to write them.
    ///   - target: Sentences as it should.
    ///   - sites: Regular expressions that match site names in full.
    ///   - warn: Receives a sentence for each thing that is likely to hurt the result.
    ///   - notice: Receives a sentence on how a budget of memory is kept, and what that costs.
    /// - Throws: ``MongeError`` for empty data, a pattern without a match, a budget of memory that nothing fits into, or activations
    ///   that are not finite.
    public func fit(
        source: [String], target: [String], sites patterns: [String], options: FitOptions = FitOptions(),
        progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }, notice: (String) -> Void = { _ in }
    ) throws -> TransportMap {
        try options.validate(pooling: options.effectivePooling.rawValue)
        let sites = try SiteSelection.sites(of: language, matching: patterns)
        let (source, target) = try Calibration.sides(source: source, target: target, options: options, unit: "sentences")
        try Calibration.check(source: source, target: target, sites: sites, options: options, unit: "sentences", warn: warn)
        let sides = try [("source sentence", source), ("target sentence", target)].enumerated().map { index, side in
            let (kind, sentences) = side
            let set = try CalibrationSet(sentences, maximumTokens: options.capture.maximumTokens, model: self)
            reportCuts(set.cutCount, of: set.count, kind + "s", maximumTokens: options.capture.maximumTokens, warn: warn)
            return try CalibrationSide(
                kind, sentences, set, options: options, seed: options.seed &+ UInt64(index), model: self)
        }
        var map = try Calibration(model: language, sites: sites, unit: options.effectivePooling == .all ? "tokens" : "sentences")
            .fit(sides, options: options, progress: progress, notice: notice)
        options.check(map, warn: warn)
        if let tokens = options.gateTokens {
            try addGates(to: &map, source: source, target: target, tokens: tokens, options: options, progress: progress, warn: warn)
        }
        return map
    }
}
