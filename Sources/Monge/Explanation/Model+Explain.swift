import Models
import Tensors
import Transport

extension Model {
    /// Measures on sentences how a map moves the activations of this model.
    ///
    /// The source is seen as it comes to each site with the maps of earlier sites in place. The target is seen as the map was fitted to it: with
    /// the maps in place where its estimation is causal, on the untouched model else. It costs about two forward passes a side.
    ///
    /// - Parameters:
    ///   - steer: The map at a strength.
    ///   - source: Sentences as the model tends to write them.
    ///   - target: Sentences as it should.
    ///   - warn: Receives a sentence for each thing that makes the numbers worth less.
    /// - Throws: ``MongeError`` for a map of another model, no sentences, or activations that are not finite.
    public func explain(
        _ steer: Steer, source: [String], target: [String], options: ExplanationOptions = ExplanationOptions(),
        progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> Explanation {
        let (calibration, fit) = try prepare(steer, options)
        reportUnmeasured(steer.map, warn: warn)
        let texts = try Calibration.sides(source: source, target: target, options: fit, unit: "sentences")
        try Calibration.check(
            source: texts.source, target: texts.target, sites: calibration.sites, options: fit, unit: "sentences", warn: warn)
        let sides = try [("source sentence", texts.source), ("target sentence", texts.target)].enumerated().map { index, side in
            try Calibration.ExplainedSide(
                side.0, side.1, options: fit, seed: options.seed &+ UInt64(index), model: self, warn: warn)
        }
        let steersTarget = steer.map.description.estimation == .causal
        var explanation = Explanation(steer, neurons: 0)
        explanation.samples = Explanation.Samples(
            source: sides[0].side.count, target: sides[1].side.count, sourceTokens: sides[0].rows.reduce(0) { $0 + $1.count },
            pooling: fit.effectivePooling.rawValue, steersTarget: steersTarget)
        let pooling = SamplePooling(fit)
        let plain = try sides.map { try calibration.capture($0.side, sites: calibration.sites, pooling: pooling) }
        let places = Dictionary(uniqueKeysWithValues: calibration.sites.enumerated().map { ($1.name, $0) })
        let inMap = Dictionary(uniqueKeysWithValues: explanation.sites.enumerated().map { ($1.name, $0) })
        var done = 0
        try calibration.follow(steer, steersTarget ? sides : [sides[0]], options: fit) { site, samples, tokens in
            let place = places[site.name]!
            let read = { (samples: SiteSamples) in try self.backend.readFloats(samples.values) }
            let plainTarget = try read(plain[1][place])
            let spread = SiteSpread(
                plainSource: try read(plain[0][place]), plainTarget: plainTarget, source: try read(samples[0].before),
                target: steersTarget ? try read(samples[1].before) : plainTarget, transported: try read(samples[0].after),
                channels: site.map.channels)
            explanation.sites[inMap[site.name]!] = spread.explain(
                site, at: steer.strength, explanation.measure, neurons: options.neurons, tokens: tokens)
            done += 1
            try progress?(Progress(activity: "measuring", done: done, total: calibration.sites.count, unit: "sites"))
        }
        explanation.rank { $0.movement?.relative }
        return explanation
    }

    /// What each token of a sentence feels of a map at each of its sites.
    /// - Throws: ``MongeError`` for a map of another model, an empty sentence, or activations that are not finite.
    public func explain(
        _ steer: Steer, sentence: String, options: ExplanationOptions = ExplanationOptions(), warn: (String) -> Void = { _ in }
    ) throws -> Explanation.Sentence {
        // Every token is told of, whatever the samples of the map are.
        let capture = CaptureOptions(pooling: .mean, maximumTokens: options.capture.maximumTokens)
        let (calibration, fit) = try prepare(steer, ExplanationOptions(capture: capture))
        reportUnmeasured(steer.map, warn: warn)
        let limit = min(capture.maximumTokens, language.contextLength)
        let tokens = tokenizer.encode(sentence, addSpecial: true, parseSpecial: false).prefix(limit)
        guard !sentence.isEmpty, !tokens.isEmpty else { throw MongeError.usage("the sentence is empty: there are no tokens to follow") }
        var side = try Calibration.ExplainedSide("sentence", [sentence], options: fit, seed: 0, model: self, warn: warn)
        side.rows = [Array(0..<tokens.count)]
        var result = Explanation.Sentence(
            text: sentence,
            tokens: tokens.enumerated().map { String(decoding: tokenizer.bytes(of: $1, isFirst: $0 == 0), as: UTF8.self) }, sites: [])
        try calibration.follow(steer, [side], options: fit) { site, _, tokens in
            result.sites.append(
                Explanation.SentenceSite(
                    name: site.name, displacement: tokens.displacements, relative: tokens.relative, outside: tokens.outsideShares))
        }
        return result
    }

    /// Says what of a map is not in the numbers: requests that it leaves alone.
    private func reportUnmeasured(_ map: TransportMap, warn: (String) -> Void) {
        if map.condition != nil { warn("the map has a condition; what is measured is what it does in requests that meet it") }
    }

    /// The sites of a map and how it is measured.
    private func prepare(_ steer: Steer, _ options: ExplanationOptions) throws -> (Calibration, FitOptions) {
        try InstalledSteering.check(steer.map, against: language)
        var capture = options.capture
        if capture.pooling == nil {
            guard let pooling = CapturePooling(rawValue: steer.map.description.pooling) else {
                throw MongeError.usage(
                    "the map does not say how its samples were pooled ('\(steer.map.description.pooling)'); name it: --pooling mean")
            }
            capture.pooling = pooling
        }
        let names = Set(steer.map.sites.map(\.name))
        let fit = FitOptions(
            method: .mean, estimation: .simultaneous, position: steer.map.description.position, spatial: .pointwise, capture: capture,
            limit: options.limit, seed: options.seed)
        return (
            Calibration(model: language, sites: language.sites.filter { names.contains($0.name) }, unit: "sentences"), fit
        )
    }
}
