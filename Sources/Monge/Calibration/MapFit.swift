import Tensors
import Transport

/// Fits one site's map on a device: sort, least squares between order statistics, quantiles.
struct MapFit {
    let method: ColumnFit
    let support: Support

    /// - Parameters:
    ///   - source: `[n, C]` f32.
    ///   - target: `[m, C]` f32.
    /// - Throws: ``MongeError/failed(_:)`` when an activation is not a finite number.
    func callAsFunction(source: Tensor, target: Tensor, site: String, on backend: any Backend) throws -> TransportMap.Site {
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
        guard fit.allSatisfy(\.isFinite) else {
            throw MongeError.failed("\(site): an activation is not a finite number, so that no map can be fitted")
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
