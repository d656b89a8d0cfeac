import Tensors

extension CheckedOperation {
    /// Order is exact; equal zeros may come in either order.
    static let sortColumns = CheckedOperation(
        name: "sortColumns", summary: "each column in ascending order, NaN last", tolerance: "equal values", defaultCases: 40
    ) { index, generator, _ in
        let samples = index == 0 ? 0 : index % 10 == 9 ? generator.pick([600, 1000, 1025]) : generator.extent(atMost: 513)
        let channels = generator.extent(atMost: samples > 300 ? 17 : 65)
        var x = generator.values(samples * channels, generator.pick(ValueRange.allCases))
        if generator.chance(0.3) { x = x.map { ($0 * 2).rounded() } }
        for index in x.indices where generator.chance(0.02) { x[index] = generator.pick([.infinity, -.infinity, .nan]) }
        return CheckCase(shapes: "x [\(samples), \(channels)]") { [x] device in
            let result = try device.backend.sortColumns(
                device.input(x, [samples, channels], "x"), into: device.output([samples, channels]))
            return [try device.read(result)]
        } tolerances: { _, _ in
            [[Double](repeating: Double(Float.leastNonzeroMagnitude) / 2, count: samples * channels)]
        }
    }

    /// The position (n − 1)·q may be rounded to f32, which moves the quantile by that part of the largest gap around it; the
    /// interpolation adds three roundings.
    static let quantileColumns = CheckedOperation(
        name: "quantileColumns", summary: "quantiles of sorted columns with linear interpolation",
        tolerance: "2u·(n − 1)·q·gap + 4u·max(|a|, |b|)", defaultCases: 30
    ) { index, generator, _ in
        let samples = generator.extent(atMost: 513)
        let channels = index == 0 ? 0 : generator.extent(atMost: 129)
        let columns = sortedColumns(samples, channels, &generator)
        let levels: [Float] = (0..<generator.pick([1, 2, 5])).map { _ in
            generator.pick([0, 1, 0.5, 0.25, 0.005, 0.995, Float(generator.uniform())])
        }
        return CheckCase(shapes: "x [\(samples), \(channels)], levels \(levels)") { device in
            let result = try device.backend.quantileColumns(
                device.input(columns, [samples, channels], "x"), levels: levels, into: device.output([levels.count, channels]))
            return [try device.read(result)]
        } tolerances: { _, _ in
            [
                levels.flatMap { level in
                    let position = Double(samples - 1) * Double(level)
                    let lower = Int(position)
                    return (0..<channels).map { channel in
                        // A rounded position may fall into the next gap.
                        let near = (max(lower - 1, 0)...min(lower + 2, samples - 1)).map { Double(columns[$0 * channels + channel]) }
                        let gap = zip(near.dropFirst(), near).map { $0 - $1 }.max() ?? 0
                        let size = near.map(abs).max()!
                        return 2 * RoundOff.unit * position * gap + 4 * RoundOff.unit * size + RoundOff.flush
                    }
                }
            ]
        }
    }

    /// Sums are as good as in Float64, so that only the results are rounded, and the means before samples are centred about them.
    ///
    /// With samples centred about their paired mean, rounded to f32, cₐ and c_b: the rounding u·|m| shifts Σcₐ·c_b and Σcₐ² only by
    /// its square. All other roundings take at most 16u of Σ|cₐ·c_b| / Σcₐ², or of s_b/s_a; β takes ω's error times |m_a|.
    static let fitColumns = CheckedOperation(
        name: "fitColumns", summary: "one affine map a column between sorted samples: linear, mean, gaussian",
        tolerance: "ω: 16u·Σ|cₐ·c_b|/Σcₐ² or 16u·s_b/s_a; β: 4u·(|m_b| + |ω·m_a|) + |m_a|·error of ω; means 4u, deviations 16u",
        defaultCases: 60
    ) { index, generator, _ in
        let method = ColumnFit.allCases[index % ColumnFit.allCases.count]
        // Each method meets equal, fewer and more source samples.
        let count = generator.pick([1, 2, 3, 7, 32, 33, 100, 500])
        let larger = generator.pick([2, 5, 31, 64, 300].filter { $0 > count } + [count + 1])
        let (sourceCount, targetCount) = [(count, count), (count, larger), (larger, count)][index / ColumnFit.allCases.count % 3]
        let channels = index == 3 ? 0 : generator.extent(atMost: 65)
        let source = sortedColumns(sourceCount, channels, deadColumns: true, &generator)
        let target = sortedColumns(targetCount, channels, deadColumns: true, &generator)
        let description = "source [\(sourceCount), \(channels)], target [\(targetCount), \(channels)], \(method)"
        return CheckCase(shapes: description) { device in
            let result = try device.backend.fitColumns(
                source: device.input(source, [sourceCount, channels], "the source"),
                target: device.input(target, [targetCount, channels], "the target"), method: method,
                into: device.output([6, channels]))
            return [try device.read(result)]
        } tolerances: { _, outputs in
            let fitted = outputs[0].floats.map(Double.init)
            var tolerance = [Double](repeating: 0, count: 6 * channels)
            for channel in 0..<channels {
                let a = (0..<sourceCount).map { Double(source[$0 * channels + channel]) }
                let b = (0..<targetCount).map { Double(target[$0 * channels + channel]) }
                let (omega, meanA, meanB) = (fitted[channel], fitted[2 * channels + channel], fitted[4 * channels + channel])
                let (deviationA, deviationB) = (fitted[3 * channels + channel], fitted[5 * channels + channel])
                // A compensated sum errs by 2u of itself and n·u² of the sizes (Higham 2002, §4.3).
                func meanError(_ values: [Double], _ mean: Double) -> Double {
                    let size = values.reduce(0) { $0 + abs($1) } / Double(values.count)
                    return RoundOff.unit * (4 * abs(mean) + 4 * Double(values.count) * RoundOff.unit * size) + RoundOff.flush
                }
                // A shift δ of the mean adds n·δ² to the squares about it.
                func deviationError(_ deviation: Double, _ meanError: Double) -> Double {
                    16 * RoundOff.unit * deviation + (deviation > 0 ? meanError * meanError / deviation : meanError)
                }
                let (errorA, errorB) = (meanError(a, meanA), meanError(b, meanB))
                var omegaError = 0.0
                if deviationA > 0, omega != 1 || method == .gaussian {
                    omegaError = 16 * RoundOff.unit * deviationB / deviationA
                    if method == .linear {
                        let (pairedA, pairedB) = (centredQuantiles(a, targetCount), centredQuantiles(b, sourceCount))
                        let products = zip(pairedA, pairedB).reduce(0) { $0 + abs($1.0 * $1.1) }
                        let squares = pairedA.reduce(0) { $0 + $1 * $1 }
                        let shift = Double(pairedA.count) * errorA * (errorB + abs(omega) * errorA)
                        omegaError = (16 * RoundOff.unit * products + shift) / squares
                    }
                }
                tolerance[channel] = omegaError
                tolerance[channels + channel] =
                    4 * RoundOff.unit * (abs(meanB) + abs(omega * meanA)) + errorB + abs(omega) * errorA + abs(meanA) * omegaError
                tolerance[2 * channels + channel] = errorA
                tolerance[3 * channels + channel] = deviationError(deviationA, errorA)
                tolerance[4 * channels + channel] = errorB
                tolerance[5 * channels + channel] = deviationError(deviationB, errorB)
            }
            return [tolerance]
        }
    }

    /// As many quantiles as the larger set has samples, about their mean.
    private static func centredQuantiles(_ values: [Double], _ otherCount: Int) -> [Double] {
        let count = max(values.count, otherCount)
        let quantiles = (0..<count).map { index in
            let position = Double(index * (values.count - 1)) / Double(max(count - 1, 1))
            let lower = Int(position)
            return values[lower] + (position - Double(lower)) * (values[min(lower + 1, values.count - 1)] - values[lower])
        }
        let mean = quantiles.reduce(0, +) / Double(count)
        return quantiles.map { $0 - mean }
    }

    /// Columns of sorted samples with means and deviations of their own; some dead: constant, or with a spread that is rounding noise
    /// beside the mean.
    private static func sortedColumns(
        _ samples: Int, _ channels: Int, deadColumns: Bool = false, _ generator: inout CheckGenerator
    ) -> [Float] {
        var result = [Float](repeating: 0, count: samples * channels)
        for channel in 0..<channels {
            let mean = generator.pick([0, 1, -3, 100, -1000]) + generator.normal()
            // Far from the threshold of dead neurons, on which the last digit decides.
            let deviation = deadColumns && generator.chance(0.15) ? generator.pick([0, 1e-7]) : generator.pick([0.3, 1, 10])
            let column = generator.normals(samples, mean: mean, deviation: deviation).sorted()
            for sample in 0..<samples { result[sample * channels + channel] = column[sample] }
        }
        return result
    }
}
