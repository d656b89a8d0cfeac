import Tensors
import Transport

/// Fits one site's map on a device: sort, least squares between order statistics, quantiles.
package struct MapFit {
    let method: ColumnFit
    let support: Support
    /// How many channels are sorted and fitted at a time, to bound the memory it takes; nil for all.
    let channelsAtOnce: Int?

    package init(method: ColumnFit, support: Support, channelsAtOnce: Int? = nil) {
        self.method = method
        self.support = support
        self.channelsAtOnce = channelsAtOnce
    }

    /// - Parameters:
    ///   - source: `[n, C]` f32, finite.
    ///   - target: `[m, C]` f32, finite.
    /// - Throws: ``MongeError/failed(_:)`` when the map itself is not of finite numbers.
    package func callAsFunction(source: Tensor, target: Tensor, site: String, on backend: any Backend) throws -> TransportMap.Site {
        let channels = source.shape[1]
        let step = channelsAtOnce ?? channels
        guard step < channels else { return try whole(source: source, target: target, site: site, on: backend) }
        let parts = try stride(from: 0, to: channels, by: step).map { first in
            let range = first..<min(first + step, channels)
            return try whole(
                source: backend.slice(source, axis: 1, range), target: backend.slice(target, axis: 1, range), site: site, on: backend)
        }
        return TransportMap.Site(
            name: site,
            map: AffineMap(
                omega: parts.flatMap(\.map.omega), beta: parts.flatMap(\.map.beta), low: parts.flatMap(\.map.low),
                high: parts.flatMap(\.map.high)),
            deadNeurons: parts.reduce(0) { $0 + $1.deadNeurons })
    }

    private func whole(source: Tensor, target: Tensor, site: String, on backend: any Backend) throws -> TransportMap.Site {
        let channels = source.shape[1]
        // Only order statistics need the sort: a mean or a deviation does not.
        let sorts = method == .linear || support != .all
        let a = sorts ? try backend.sortColumns(source) : source
        let b = method == .linear ? try backend.sortColumns(target) : target
        let fit = try backend.readFloats(backend.fitColumns(source: a, target: b, method: method))
        var low = [Float](repeating: -.infinity, count: channels)
        var high = [Float](repeating: .infinity, count: channels)
        if let levels = support.levels {
            let ends = try backend.readFloats(backend.quantileColumns(a, levels: [levels.lower, levels.upper]))
            low = Array(ends[..<channels])
            high = Array(ends[channels...])
        }
        guard fit.isFinite else {
            throw MongeError.failed("\(site): the activations are too large for a map of finite numbers to be fitted")
        }
        func row(_ index: Int) -> ArraySlice<Float> { fit[index * channels..<(index + 1) * channels] }
        return TransportMap.Site(
            name: site, map: AffineMap(omega: Array(row(0)), beta: Array(row(1)), low: low, high: high),
            deadNeurons: deadNeurons(sourceMean: row(2), sourceDeviation: row(3), targetMean: row(4), targetDeviation: row(5)))
    }

    /// The neurons to which the method would fit a slope, but which have no spread to fit it to.
    private func deadNeurons(
        sourceMean: ArraySlice<Float>, sourceDeviation: ArraySlice<Float>, targetMean: ArraySlice<Float>,
        targetDeviation: ArraySlice<Float>
    ) -> Int {
        func isDead(_ mean: Float, _ deviation: Float) -> Bool {
            deviation <= max(FitColumnsOperation.deadDeviation, FitColumnsOperation.deadRatio * abs(mean))
        }
        let source = zip(sourceMean, sourceDeviation).map(isDead)
        switch method {
        case .mean: return 0
        case .linear: return source.count { $0 }
        case .gaussian: return zip(source, zip(targetMean, targetDeviation).map(isDead)).count { $0 || $1 }
        }
    }
}
