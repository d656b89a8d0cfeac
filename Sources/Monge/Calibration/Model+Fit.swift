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
    /// - Throws: ``MongeError`` for empty data, a pattern without a match, or activations that are not finite.
    public func fit(
        source: [String], target: [String], sites patterns: [String], options: FitOptions = FitOptions(),
        progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> TransportMap {
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
        let fit = MapFit(method: options.method, support: options.effectiveSupport)
        var fitted = [TransportMap.Site]()
        func add(_ site: Site, _ source: Tensor, _ target: Tensor) throws -> AffineMap {
            fitted.append(try fit(source: source, target: target, site: site.name, on: backend))
            progress?(Progress(activity: "fitting", done: fitted.count, total: sites.count, unit: "sites"))
            return fitted.last!.map
        }
        switch options.estimation {
        case .simultaneous:
            func report(_ offset: Int) -> (Int, Int) -> Void {
                { done, _ in
                    progress?(
                        Progress(
                            activity: "capturing", done: offset + done, total: source.count + target.count, unit: "sentences"))
                }
            }
            let a = try capture(
                source, named: "source sentences", sites: sites, options: options.capture, progress: report(0), warn: warn)
            let b = try capture(
                target, named: "target sentences", sites: sites, options: options.capture, progress: report(source.count), warn: warn)
            for (index, site) in sites.enumerated() { _ = try add(site, a[index], b[index]) }
        case .causal:
            try causally(
                source: source, target: target, sites: sites, options: options.capture, position: options.position, warn: warn, fit: add)
        }
        return TransportMap(
            sites: fitted,
            description: TransportDescription(
                method: options.method.rawValue, estimation: options.estimation, pooling: options.capture.pooling.rawValue,
                support: options.effectiveSupport, position: options.position, architecture: language.architecture,
                fingerprint: language.fingerprint, sketch: try language.sketch, sourceName: options.sourceName,
                targetName: options.targetName,
                sourceCount: source.count, targetCount: target.count, seed: options.seed,
                date: ISO8601DateFormatter().string(from: Date())))
    }

    /// One forward pass of all batches in step: at each site, capture, fit, apply at λ = 1, go on.
    ///
    /// Sites are taken in the order in which the passes come to them.
    private func causally(
        source: [String], target: [String], sites: [Site], options: CaptureOptions, position: Position, warn: (String) -> Void,
        fit: (Site, Tensor, Tensor) throws -> AffineMap
    ) throws {
        let pooling = SamplePooling(pooling: options.pooling, skipsBeginning: options.skipsBeginning)
        let sides = try [(source, "source sentences"), (target, "target sentences")].map { sentences, name in
            let set = try CalibrationSet(sentences, maximumTokens: options.maximumTokens, model: self)
            reportCuts(set.cutCount, of: set.count, name, maximumTokens: options.maximumTokens, warn: warn)
            let passes = try set.batches.map { try CalibrationPass($0, pooling: pooling, position: position, model: self) }
            return (count: set.count, passes: passes)
        }
        let strengths = try backend.upload([Float(1)])
        var remaining = Set(sites.map(\.index))
        while !remaining.isEmpty {
            var reached: Site?
            var samples = [Tensor]()
            for (side, (count, passes)) in sides.enumerated() {
                for pass in passes {
                    try pass.advance(toFirstOf: Array(remaining)) { site, activation, plan in
                        guard reached == nil || reached == site else {
                            throw MongeError.failed("batches come to \(reached!.name) and to \(site.name) at once: no order of sites")
                        }
                        reached = site
                        if samples.count == side { samples.append(try self.backend.allocate([count, site.channels], .f32)) }
                        try pooling(activation, plan, on: self.backend, into: samples[side].rows(pass.samples))
                    }
                }
            }
            let site = reached!
            let map = try fit(site, samples[0], samples[1])
            let identity = AffineMap.identity(channels: site.channels)
            let table = try backend.upload(identity.interleaved + map.interleaved, [2, site.channels, 4])
            for pass in sides.flatMap(\.passes) { pass.install(table, strengths: strengths, at: site) }
            remaining.remove(site.index)
        }
    }

    /// At most `limit` of the sentences, drawn without replacement, in their order.
    static func sample(_ sentences: [String], limit: Int?, seed: UInt64) -> [String] {
        guard let limit, limit < sentences.count else { return sentences }
        var random = SeededGenerator(seed: seed)
        return Array(sentences.indices.shuffled(using: &random).prefix(max(0, limit))).sorted().map { sentences[$0] }
    }
}
