import Tensors
import Transport

/// Fits one site's map on a device: sort, least squares between order statistics, quantiles, ranks; directions across neurons on the host.
package struct MapFit {
    let method: Estimator
    let support: Support
    /// In standard errors of each neuron's difference of means; 0 for none.
    let shrinkage: Float
    /// How many channels are sorted and fitted at a time, to bound the memory it takes; nil for all.
    let channelsAtOnce: Int?
    /// Of the draw of held-out samples by which heads are scored; nil where all of them act.
    let scoringSeed: UInt64?
    let clusters: ClusterOptions
    /// Of where clusters begin.
    let seed: UInt64

    package init(
        method: Estimator, support: Support, shrinkage: Float = 0, channelsAtOnce: Int? = nil, scoringSeed: UInt64? = nil,
        clusters: ClusterOptions = ClusterOptions(), seed: UInt64 = 0
    ) {
        self.clusters = clusters
        self.seed = seed
        self.method = method
        self.support = support
        self.shrinkage = shrinkage
        self.channelsAtOnce = channelsAtOnce
        self.scoringSeed = scoringSeed
    }

    package init(_ options: FitOptions, channelsAtOnce: Int? = nil) {
        self.init(
            method: options.method, support: options.effectiveSupport, shrinkage: options.shrinkage, channelsAtOnce: channelsAtOnce,
            scoringSeed: options.units.map { _ in options.seed }, clusters: options.clusters ?? ClusterOptions(), seed: options.seed)
    }

    /// - Parameters:
    ///   - source: `[n, C]` f32, finite.
    ///   - target: `[m, C]` f32, finite.
    ///   - heads: The heads that the channels are made of.
    /// - Returns: The map, and how well its units (``Estimator/unit``) tell the sides apart, for methods that choose among them.
    /// - Throws: ``MongeError/failed(_:)`` when the map itself is not of finite numbers.
    package func callAsFunction(
        source: Tensor, target: Tensor, site: String, heads: Int = 1, on backend: any Backend
    ) throws -> UnitSelection.Candidate {
        if method == .chars { return try clustered(source: source, target: target, site: site, on: backend) }
        let channels = source.shape[1]
        let step = method.isByNeuron ? channelsAtOnce ?? channels : channels
        let parts = try stride(from: 0, to: channels, by: step).map { first in
            let range = first..<min(first + step, channels)
            func part(_ x: Tensor) throws -> Tensor { range.count == channels ? x : try backend.slice(x, axis: 1, range) }
            return try whole(source: part(source), target: part(target), heads: heads, on: backend)
        }
        let map = AffineMap(
            omega: parts.flatMap(\.map.omega), beta: parts.flatMap(\.map.beta), low: parts.flatMap(\.map.low),
            high: parts.flatMap(\.map.high))
        guard map.omega.isFinite, map.beta.isFinite else {
            throw MongeError.failed("\(site): the activations are too large for a map of finite numbers to be fitted")
        }
        let scores = parts.flatMap(\.scores)
        return UnitSelection.Candidate(
            site: TransportMap.Site(name: site, map: map, deadNeurons: parts.reduce(0) { $0 + $1.deadNeurons }),
            scores: scores.isEmpty ? [0] : scores)
    }

    private func clustered(source: Tensor, target: Tensor, site: String, on backend: any Backend) throws -> UnitSelection.Candidate {
        let channels = source.shape[1]
        let sides = try [source, target].map { Samples(try backend.readFloats($0), width: channels, columns: 0..<channels) }
        let count = min(source.shape[0], target.shape[0])
        if let wanted = clusters.count, wanted > count {
            throw MongeError.usage(
                "\(wanted) clusters need at least as many samples a side, and there are \(count) at \(site): --clusters \(count)")
        }
        let map = ClusterMap(source: sides[0], target: sides[1], options: clusters, seed: seed)
        let probes = map.probes
        guard map.centres.isFinite, map.shifts.isFinite, map.bandwidth.isFinite, probes.weights.isFinite, probes.intercepts.isFinite else {
            throw MongeError.failed("\(site): the activations are too large for a map of finite numbers to be fitted")
        }
        return UnitSelection.Candidate(site: TransportMap.Site(name: site, clusters: map), scores: [0])
    }

    /// The map of some channels.
    private struct Part {
        var map: AffineMap
        var deadNeurons = 0
        /// Of each unit; empty where units are not chosen among.
        var scores: [Double] = []
    }

    private func whole(source: Tensor, target: Tensor, heads: Int, on backend: any Backend) throws -> Part {
        if let fit = method.columnFit { return try columns(source: source, target: target, fit: fit, on: backend) }
        let channels = source.shape[1]
        switch method {
        case .aurA, .det0:
            let auroc = try backend.readFloats(
                backend.aurocColumns(source: backend.sortColumns(source), target: backend.sortColumns(target)))
            return method == .aurA
                ? Part(map: .aurA(auroc: auroc))
                : Part(map: .silencing(Array(repeating: true, count: channels)), scores: auroc.map(Double.init))
        case .repe:
            return Part(
                map: .representationEngineering(
                    source: try backend.readFloats(source), target: try backend.readFloats(target), channels: channels))
        default:
            let fitted = AffineMap.inferenceTimeIntervention(
                source: try backend.readFloats(source), target: try backend.readFloats(target), channels: channels, heads: heads,
                isMassMean: method == .itiMassMean, scoredWith: scoringSeed)
            return Part(map: fitted.map, scores: fitted.accuracies)
        }
    }

    private func columns(source: Tensor, target: Tensor, fit: ColumnFit, on backend: any Backend) throws -> Part {
        let channels = source.shape[1]
        // Only order statistics need the sort: a mean or a deviation does not.
        let sorts = fit == .linear || support != .all
        let a = sorts ? try backend.sortColumns(source) : source
        let b = fit == .linear ? try backend.sortColumns(target) : target
        let values = try backend.readFloats(backend.fitColumns(source: a, target: b, method: fit))
        var low = [Float](repeating: -.infinity, count: channels)
        var high = [Float](repeating: .infinity, count: channels)
        if let levels = support.levels {
            let ends = try backend.readFloats(backend.quantileColumns(a, levels: [levels.lower, levels.upper]))
            low = Array(ends[..<channels])
            high = Array(ends[channels...])
        }
        func row(_ index: Int) -> ArraySlice<Float> { values[index * channels..<(index + 1) * channels] }
        var map = AffineMap(omega: Array(row(0)), beta: Array(row(1)), low: low, high: high)
        if shrinkage > 0 {
            map = map.scaled(
                by: AffineMap.shares(
                    sourceMeans: row(2), sourceDeviations: row(3), targetMeans: row(4), targetDeviations: row(5),
                    counts: (source.shape[0], target.shape[0]), shrunkBy: shrinkage))
        }
        return Part(
            map: map,
            deadNeurons: deadNeurons(
                fit, sourceMean: row(2), sourceDeviation: row(3), targetMean: row(4), targetDeviation: row(5)))
    }

    /// The neurons to which the method would fit a slope, but which have no spread to fit it to.
    private func deadNeurons(
        _ fit: ColumnFit, sourceMean: ArraySlice<Float>, sourceDeviation: ArraySlice<Float>, targetMean: ArraySlice<Float>,
        targetDeviation: ArraySlice<Float>
    ) -> Int {
        func isDead(_ mean: Float, _ deviation: Float) -> Bool {
            deviation <= max(FitColumnsOperation.deadDeviation, FitColumnsOperation.deadRatio * abs(mean))
        }
        let source = zip(sourceMean, sourceDeviation).map(isDead)
        switch fit {
        case .mean: return 0
        case .linear: return source.count { $0 }
        case .gaussian: return zip(source, zip(targetMean, targetDeviation).map(isDead)).count { $0 || $1 }
        }
    }
}
