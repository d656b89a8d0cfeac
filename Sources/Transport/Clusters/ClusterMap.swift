import Foundation
import Tensors

/// A map of one site between clusters: `y = x + λ·Σ_i w_i(x)·d_i` with `w(x) = softmax_i(log p_i − ‖x − a_i‖²/2h²)` (Abdullaev et al., "Concept
/// heterogeneity-aware representation steering", ICML 2026, arXiv 2603.02237).
///
/// The paper sums over pairs of clusters, `Σ_ij P_ij·k(x, a_i)·(b_j − a_i) / Σ_pq P_pq·k(x, a_p)` with k a Gaussian kernel of width h and P a transport
/// plan between source clusters a_i of weight p_i and target clusters b_j. With `Σ_j P_ij = p_i` that is the sum above, where
/// `d_i = Σ_j P_ij·b_j / p_i − a_i`.
public struct ClusterMap: Sendable, Equatable {
    /// `[K, channels]`, row-major: a.
    public var centres: [Float]
    /// `[K, channels]`, row-major: d.
    public var shifts: [Float]
    /// `[K]`: p, positive, with a sum of 1.
    public var weights: [Float]
    /// h.
    public var bandwidth: Float

    /// The most clusters of a map.
    public static let limit = TransportClusters.limit

    /// - Precondition: There is a cluster, and at most ``limit``; centres and shifts are as many numbers, a row for each of the weights; h is positive.
    public init(centres: [Float], shifts: [Float], weights: [Float], bandwidth: Float) {
        precondition(
            !weights.isEmpty && weights.count <= Self.limit && centres.count == shifts.count && !centres.isEmpty
                && centres.count % weights.count == 0 && bandwidth > 0,
            "a map has a centre and a shift for each of its clusters, and a width")
        self.centres = centres
        self.shifts = shifts
        self.weights = weights
        self.bandwidth = bandwidth
    }

    /// K.
    public var count: Int { weights.count }
    /// The number of neurons.
    public var channels: Int { centres.count / weights.count }

    /// y at λ = 1.
    public func callAsFunction(_ x: [Float]) -> [Double] {
        let scores = (0..<count).map { cluster in
            let distance = (0..<channels).reduce(0.0) {
                let difference = Double(x[$1]) - Double(centres[cluster * channels + $1])
                return $0 + difference * difference
            }
            return log(Double(weights[cluster])) - distance / (2 * Double(bandwidth) * Double(bandwidth))
        }
        let highest = scores.max()!
        let exponentials = scores.map { exp($0 - highest) }
        let total = exponentials.reduce(0, +)
        return (0..<channels).map { channel in
            (0..<count).reduce(Double(x[channel])) { $0 + exponentials[$1] / total * Double(shifts[$1 * channels + channel]) }
        }
    }

    /// The map whose strength 1 is this one's strength s: s times the shifts.
    public func scaled(by strength: Float) -> ClusterMap {
        var result = self
        for index in shifts.indices { result.shifts[index] *= strength }
        return result
    }

    /// The map back: from clusters at `a_i + d_i`, of the same weights and width, by `−d_i`. What two clusters have sent to one place comes back by
    /// the weighted mean of their ways.
    public var inverse: ClusterMap {
        ClusterMap(centres: zip(centres, shifts).map { $0 + $1 }, shifts: shifts.map { -$0 }, weights: weights, bandwidth: bandwidth)
    }

    /// `[channels]`: Σ p_i·d_i, by which the mean of the centres moves.
    public var meanShift: [Float] {
        (0..<channels).map { channel in
            Float((0..<count).reduce(0.0) { $0 + Double(weights[$1]) * Double(shifts[$1 * channels + channel]) })
        }
    }

    /// The weights as a device takes them (``TransportClusters``): v, `[K, channels]`, and c, `[K]`. They are taken about the mean of the centres, so
    /// that they stay small where all centres lie far from zero.
    public var probes: (weights: [Float], intercepts: [Float]) {
        let square = Double(bandwidth) * Double(bandwidth)
        let mean = (0..<channels).map { channel in
            (0..<count).reduce(0.0) { $0 + Double(weights[$1]) * Double(centres[$1 * channels + channel]) }
        }
        var (vectors, intercepts) = ([Float](), [Float]())
        for cluster in 0..<count {
            var intercept = log(Double(weights[cluster]))
            for channel in 0..<channels {
                let offset = Double(centres[cluster * channels + channel]) - mean[channel]
                let vector = Float(offset / square)
                vectors.append(vector)
                // The product with the mean is of v as it is rounded, so that at the mean nothing is lost.
                intercept -= offset * offset / (2 * square) + Double(vector) * mean[channel]
            }
            intercepts.append(Float(intercept))
        }
        return (vectors, intercepts)
    }
}
