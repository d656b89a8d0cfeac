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
            let a = try capture(source, sites: sites, options: options.capture, progress: report(0))
            let b = try capture(target, sites: sites, options: options.capture, progress: report(source.count))
            for (index, site) in sites.enumerated() { _ = try add(site, a[index], b[index]) }
        case .causal:
            try causally(source: source, target: target, sites: sites, options: options.capture, position: options.position, fit: add)
        }
        return TransportMap(
            sites: fitted,
            description: TransportDescription(
                method: options.method.rawValue, estimation: options.estimation, pooling: options.capture.pooling.rawValue,
                support: options.effectiveSupport, position: options.position, architecture: language.architecture,
                fingerprint: language.fingerprint, sourceName: options.sourceName, targetName: options.targetName,
                sourceCount: source.count, targetCount: target.count, seed: options.seed,
                date: ISO8601DateFormatter().string(from: Date())))
    }

    /// One forward pass of all batches in step: at each site, capture, fit, apply at λ = 1, go on.
    private func causally(
        source: [String], target: [String], sites: [Site], options: CaptureOptions, position: Position,
        fit: (Site, Tensor, Tensor) throws -> AffineMap
    ) throws {
        let sides = try [source, target].map { try CalibrationSet($0, maximumTokens: options.maximumTokens, model: self) }
        let batches = sides.enumerated().flatMap { side, set in set.batches.map { (side: side, batch: $0) } }
        let pooling = SamplePooling(pooling: options.pooling, skipsBeginning: options.skipsBeginning)
        let rows = try batches.map { try $0.batch.tokenBatch(on: backend) }
        let plans = try zip(rows, batches).map {
            try pooling.plan(for: $0, tokens: $1.batch.tokens, beginning: tokenizer.beginOfSequence, on: backend)
        }
        // Under `last`, the map applies to each sentence's last token alone; elsewhere index 0 leaves rows untouched.
        let indices = try rows.map { batch -> Tensor in
            guard position == .last else { return try backend.upload([Int32(1)]) }
            var indices = [Int32](repeating: 0, count: batch.rowCount)
            for range in batch.ranges { indices[range.upperBound - 1] = 1 }
            return try backend.upload(indices)
        }
        let strength = try backend.upload([Float(1)])
        var samples = [Tensor]()
        var visited = 0
        var table: Tensor?
        try Lockstep().run(count: batches.count) { index, tap in
            let context = ForwardContext(
                backend: self.backend, tapped: sites.map(\.index), siteCount: self.language.sites.count
            ) { site, activation in
                _ = try tap(site, activation)
                return table.map { TransportApplication(table: $0, indices: indices[index], strengths: strength) }
            }
            _ = try self.language.forward(rows[index], cache: nil, context: context, output: .last)
        } observe: { index, site, activation in
            if samples.isEmpty { samples = try sides.map { try self.backend.allocate([$0.count, site.channels], .f32) } }
            let (side, batch) = batches[index]
            try pooling(activation, plans[index], on: self.backend, into: samples[side].rows(batch.samples))
        } decide: { site in
            let map = try fit(site, samples[0], samples[1])
            let identity = AffineMap.identity(channels: site.channels)
            table = try backend.upload(identity.interleaved + map.interleaved, [2, site.channels, 4])
            samples = []
            visited += 1
            return (nil, visited == sites.count)
        }
    }

    /// At most `limit` of the sentences, drawn without replacement, in their order.
    static func sample(_ sentences: [String], limit: Int?, seed: UInt64) -> [String] {
        guard let limit, limit < sentences.count else { return sentences }
        var random = SeededGenerator(seed: seed)
        return Array(sentences.indices.shuffled(using: &random).prefix(max(0, limit))).sorted().map { sentences[$0] }
    }
}
