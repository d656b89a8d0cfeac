import Foundation
import Tensors

extension CheckedOperation {
    /// Bit for bit where no map applies; elsewhere the errors of scores, weights and sum (``CheckedClusters``).
    static let clusterTransport = CheckedOperation(
        name: "clusterTransport", summary: "x + λ·Σ w·d of the row's clusters, with w = softmax(⟨v, x⟩ + c); c = −∞ is no cluster",
        tolerance:
            "|λ|·Σ w_i·|d_i − Σ w·d|·(what errors of scores, e = (min(C, 8√C) + 4)·u·Σ|v·x| + 3u·|c| and u times the distance δ to the highest, make of w_i) "
            + "+ |λ|·Σ (6 + 6δ_i + 2K + 10)·u·w_i·|d_i| + 2u·(|x| + |λ·Σ w·d|); the same bits where λ = 0, the index is 0, or there are no clusters",
        defaultCases: 60
    ) { index, generator, _ in
        let rows = index == 0 ? 0 : generator.extent(atMost: 65)
        let channels = generator.extent(atMost: 700)
        let count = generator.integer(in: 1...TransportClusters.limit)
        let types = generator.activationTypes()
        let isNarrowed = types.operand == .f32 && types.result == .f16
        let x = generator.values(rows * channels, generator.pick(ValueRange.allCases), types.operand, to: types.result).map {
            $0.isFinite ? $0 : 2
        }
        let shape: Shape = rows % 2 == 0 ? [2, rows / 2, channels] : [rows, channels]
        let transport = CheckTransport(shape, neutral: generator.chance(0.1), &generator)
        let clusters = CheckClusters(
            maps: transport.maps, count: count, channels: channels, size: x.reduce(0) { max($0, abs($1)) }, &generator)
        let isInPlace = types.operand == types.result && generator.chance(0.4)
        let description =
            "x \(shape) \(types.operand) to \(types.result)\(isInPlace ? " in place" : ""), \(transport.description), \(count) clusters"
        return CheckCase(shapes: description) { device in
            let output = try device.output(shape, types.result, initial: isInPlace ? x : nil)
            let input = isInPlace ? output : try device.input(x, shape, types.operand, "x")
            let map = try transport.application(of: clusters.tensors(on: device), on: device)
            return [try device.read(device.backend.transport(input, by: map, into: output))]
        } tolerances: { _, _ in
            var checked = CheckedActivation(exact: x.map(Double.init), shape)
            checked.shift(
                (0..<rows).flatMap { row -> [(value: Double, error: Double)?] in
                    let (map, strength) = (transport.index(ofRow: row), transport.strength(ofRow: row))
                    guard map > 0, strength != 0, let weighed = clusters.weighed(x[row * channels..<(row + 1) * channels], map: map) else {
                        return Array(repeating: nil, count: channels)
                    }
                    return (0..<channels).map { weighed.shift(of: $0, strength: Double(strength)) }
                })
            if isNarrowed { checked.narrow(to: types.result) } else { checked.store(types.result) }
            return [checked.errors]
        }
    }
}

/// Random maps between clusters.
private struct CheckClusters {
    let maps, count, channels: Int
    let weights, intercepts, shifts: [Float]

    /// - Parameter size: Of the largest element of x.
    init(maps: Int, count: Int, channels: Int, size: Float, _ generator: inout CheckGenerator) {
        (self.maps, self.count, self.channels) = (maps, count, channels)
        // Scores of a few units, or some of which one cluster takes all, whatever the size of x.
        let scale = generator.pick([0.5, 4, 60]) / (Double(channels).squareRoot() * Double(size > 0 ? size : 1))
        let shiftScale = generator.pick([0.1, 1])
        var (weights, intercepts, shifts) = ([Float](), [Float](), [Float]())
        for map in 0..<maps {
            // Some maps have none.
            let own = generator.chance(0.1) ? 0 : generator.integer(in: 1...count)
            for cluster in 0..<count {
                // Whatever the tables hold in row 0, and for clusters that are none, is not used.
                let isCluster = map > 0 && cluster < own
                weights += (0..<channels).map { _ in isCluster ? Float(generator.normal() * scale) : .nan }
                shifts += (0..<channels).map { _ in isCluster ? Float(generator.normal() * shiftScale) : .nan }
                intercepts.append(isCluster ? Float(2 * generator.normal()) : -.infinity)
            }
        }
        (self.weights, self.intercepts, self.shifts) = (weights, intercepts, shifts)
    }

    func tensors(on device: CheckDevice) throws -> TransportClusters {
        TransportClusters(
            weights: try device.input(weights, [maps, count, channels], "the clusters' weights"),
            intercepts: try device.input(intercepts, [maps, count], "the clusters' intercepts"),
            shifts: try device.input(shifts, [maps, count, channels], "the clusters' shifts"))
    }

    /// The clusters of a map as they weigh for a row; nil where it has none.
    func weighed(_ x: ArraySlice<Float>, map: Int) -> CheckedClusters? {
        let present = (map * count..<(map + 1) * count).filter { intercepts[$0] > -.infinity }
        guard !present.isEmpty else { return nil }
        let rows = present.map { cluster in cluster * channels..<(cluster + 1) * channels }
        return CheckedClusters(
            x, weights: rows.map { weights[$0] }, intercepts: present.map { intercepts[$0] }, shifts: rows.map { shifts[$0] })
    }
}

/// What clusters weigh for a row, and how far a kernel's weights may lie from that.
///
/// A score errs by `e`: its sum's and its intercept's rounding, and that of its difference to the highest. The weights `w` become
/// `w_i·exp(±e_i)/Σ w·exp(±e)`, which still add up to 1, so that the sum of shifts errs by no more than those weights' changes times the shifts'
/// distances from it. On top of that come the roundings of the exponential, `(6 + 6δ)·u` for a score δ below the highest (``RoundOff``), of the sum of
/// exponentials, the quotient, and the sum of shifts, in the kernel and once more in the reference.
private struct CheckedClusters {
    let shifts: [ArraySlice<Float>]
    let weights, changes, roundOffs: [Double]

    init(_ x: ArraySlice<Float>, weights vectors: [ArraySlice<Float>], intercepts: [Float], shifts: [ArraySlice<Float>]) {
        self.shifts = shifts
        var scores = [Double](), errors = [Double]()
        for (vector, intercept) in zip(vectors, intercepts) {
            var (score, size) = (Double(intercept), 0.0)
            for (x, weight) in zip(x, vector) {
                score += Double(x) * Double(weight)
                size += abs(Double(x) * Double(weight))
            }
            scores.append(score)
            errors.append(
                (RoundOff.sum(x.count) + 4) * RoundOff.unit * size + 3 * RoundOff.unit * abs(Double(intercept)) + Double(x.count + 1)
                    * RoundOff.flush)
        }
        let highest = scores.max()!
        let distances = scores.map { highest - $0 }
        let total = distances.reduce(0) { $0 + exp(-$1) }
        let weights = distances.map { exp(-$0) / total }
        errors = zip(errors, distances).map { $0 + RoundOff.unit * $1 }
        let most = zip(weights, errors).reduce(0) { $0 + $1.0 * exp(min($1.1, 100)) }
        let least = zip(weights, errors).reduce(0) { $0 + $1.0 * exp(-$1.1) }
        self.weights = weights
        changes = zip(weights, errors).map { weight, error in
            min(1, weight * max(exp(min(error, 100)) / least - 1, 1 - exp(-error) / most))
        }
        let count = Double(weights.count)
        roundOffs = zip(weights, distances).map { $0 * (6 + 6 * $1 + 2 * count + 10) * RoundOff.unit + 2 * RoundOff.flush }
    }

    /// λ·Σ w·d of a channel.
    func shift(of channel: Int, strength: Double) -> (value: Double, error: Double) {
        let own = shifts.map { Double($0[$0.startIndex + channel]) }
        let mean = zip(weights, own).reduce(0) { $0 + $1.0 * $1.1 }
        let error = own.indices.reduce(0.0) { $0 + changes[$1] * abs(own[$1] - mean) + roundOffs[$1] * abs(own[$1]) + RoundOff.flush }
        return (strength * mean, abs(strength) * error)
    }
}
