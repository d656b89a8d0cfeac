import Foundation
import Foundations
import Models
import Tensors
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
        try options.validate(pooling: options.capture.pooling.rawValue)
        let sites = try SiteSelection.sites(of: language, matching: patterns)
        let source = Model.sample(source, limit: options.limit, seed: options.seed)
        let target = Model.sample(target, limit: options.limit, seed: options.seed &+ 1)
        guard !source.isEmpty else { throw MongeError.usage("there are no source sentences") }
        guard !target.isEmpty else { throw MongeError.usage("there are no target sentences") }
        let fewest = min(source.count, target.count)
        if fewest < 2 && options.method != .mean {
            throw MongeError.usage("a \(options.method.rawValue) map needs at least two sentences a side, there is one")
        }
        for (sentences, name) in [(source, "source"), (target, "target")] where sentences.count > 1 {
            if Set(sentences).count == 1 { warn("all \(sentences.count) \(name) sentences are the same: there is no spread to fit to") }
        }
        if options.estimation == .causal && fewest < 100 && sites.count > 8 {
            warn(
                "causal estimation over \(sites.count) sites with \(fewest) sentences a side: below about 100, errors build up from "
                    + "site to site; give more sentences, or fewer sites")
        }
        let pooling = SamplePooling(options.capture)
        let sides = try [("source sentence", source), ("target sentence", target)].map {
            try FitSide($0, $1, options: options, pooling: pooling, model: self)
        }
        for side in sides {
            reportCuts(side.set.cutCount, of: side.set.count, side.kind + "s", maximumTokens: options.capture.maximumTokens, warn: warn)
        }
        let plan = try options.capture.memory.map { budget in
            try MemoryPlan(
                budget: budget, passes: sides.flatMap(\.passes), sites: sites, samples: source.count + target.count, pooling: pooling,
                keepsMaps: true, on: backend)
        }
        defer { if plan != nil { try? backend.limitMemory(to: nil) } }
        let fit = MapFit(method: options.method, support: options.effectiveSupport, channelsAtOnce: plan?.fittedChannels)
        var map = TransportMap(
            sites: [],
            description: TransportDescription(
                method: options.method.rawValue, estimation: options.estimation, pooling: options.capture.pooling.rawValue,
                support: options.effectiveSupport, position: options.position, spatial: options.spatial,
                architecture: language.architecture, fingerprint: language.fingerprint, sketch: try language.sketch,
                sourceName: options.sourceName, targetName: options.targetName,
                sourceCount: source.count, targetCount: target.count, seed: options.seed,
                date: ISO8601DateFormatter().string(from: Date())))
        func add(_ site: Site, _ source: Tensor, _ target: Tensor) throws -> TransportMap {
            map.sites.append(try fit(source: source, target: target, site: site.name, on: backend))
            progress?(Progress(activity: "fitting", done: map.sites.count, total: sites.count, unit: "sites"))
            return map
        }
        switch options.estimation {
        case .simultaneous:
            try simultaneously(sides, sites: sites, options: options, plan: plan, progress: progress, notice: notice) {
                _ = try add($0, $1, $2)
            }
        case .causal: try causally(sides, sites: sites, options: options, plan: plan, notice: notice, fitted: add)
        }
        if let budget = options.capture.memory {
            notice("at most \(ByteCount(ProcessMemory.peakBytes)) of \(ByteCount(budget)) were resident")
        }
        return map
    }

    /// Every site on the untouched model, in one pass over the sentences, or in as many as a budget for their samples needs.
    private func simultaneously(
        _ sides: [FitSide], sites: [Site], options: FitOptions, plan: MemoryPlan?, progress: ProgressHandler?, notice: (String) -> Void,
        fitted: (Site, _ source: Tensor, _ target: Tensor) throws -> Void
    ) throws {
        let samplesPerChannel = sides.reduce(0) { $0 + SiteSamples.bytesPerChannel($1.set) }
        let sizes = sites.map { samplesPerChannel * $0.channels }
        try plan?.require(sizes.max()!)
        try plan?.apply(to: backend)
        let waves = plan.map { Model.groups(sizes, rows: $0.available) } ?? [0..<sites.count]
        if waves.count > 1 {
            notice(
                "the samples of all \(sites.count) sites take \(ByteCount(sizes.reduce(0, +))): they are captured in \(waves.count) passes over "
                    + "the sentences instead of one")
        }
        let total = sides.reduce(0) { $0 + $1.set.count } * waves.count
        var done = 0
        for wave in waves {
            let captured = try sides.map { side in
                defer { done += side.set.count }
                return try capture(
                    side.set, sentences: side.sentences, kind: side.kind, sites: Array(sites[wave]), options: options.capture
                ) { count in progress?(Progress(activity: "capturing", done: done + count, total: total, unit: "sentences")) }
            }
            for (index, site) in sites[wave].enumerated() { try fitted(site, captured[0][index].values, captured[1][index].values) }
        }
    }

    /// At most `limit` of the sentences, drawn without replacement, in their order.
    static func sample(_ sentences: [String], limit: Int?, seed: UInt64) -> [String] {
        guard let limit, limit < sentences.count else { return sentences }
        var random = SeededGenerator(seed: seed)
        return Array(sentences.indices.shuffled(using: &random).prefix(max(0, limit))).sorted().map { sentences[$0] }
    }
}
