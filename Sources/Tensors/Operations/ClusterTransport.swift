/// Maps between clusters: a row x goes by `v(x) = Σ_i w_i(x)·d_i` with `w(x) = softmax_i(⟨v_i, x⟩ + c_i)`, so that `y = x + λ·v(x)` (after Abdullaev et al.,
/// "Concept heterogeneity-aware representation steering", ICML 2026, arXiv 2603.02237).
///
/// Weights by distance, `softmax_i(log p_i − ‖x − a_i‖²/2h²)`, are of this form, since ‖x‖² is the same for all i: `v_i = (a_i − ā)/h²` and
/// `c_i = log p_i − ‖a_i − ā‖²/2h² − ⟨v_i, ā⟩` for any ā. One near the a_i keeps the products small.
public final class TransportClusters {
    /// `[maps, K, C]` f32: v of each cluster of each map.
    public let weights: Tensor
    /// `[maps, K]` f32: c of each cluster; −∞ where a map has fewer than K. A map without any leaves its rows as they are, bit for bit.
    public let intercepts: Tensor
    /// `[maps, K, C]` f32: d, the shift of each cluster.
    public let shifts: Tensor

    /// The most clusters of a map.
    public static let limit = 16

    public init(weights: Tensor, intercepts: Tensor, shifts: Tensor) {
        self.weights = weights
        self.intercepts = intercepts
        self.shifts = shifts
    }
}

/// A validated ``Backend/transport(_:by:activation:as:into:)`` of maps between clusters.
public struct ClusterTransportOperation {
    /// `[…, C]` f32 or f16, seen as `[rows, C]`.
    public let x: Tensor
    /// Of each row by itself; without a table.
    public let transport: TransportApplication
    public let clusters: TransportClusters
    /// f32 or f16; may alias x.
    public let output: Tensor

    /// The rows of the clusters' tensors that are maps.
    public var maps: Int { clusters.weights.shape[0] }
    /// K.
    public var clusterCount: Int { clusters.weights.shape[1] }
}

extension Validation {
    /// Checks maps between clusters of activations that have some number of channels.
    static func clusters(_ clusters: TransportClusters, channels: Int, _ operation: String) throws {
        try requireType(clusters.weights, .f32, "the clusters' weights", operation)
        try requireType(clusters.intercepts, .f32, "the clusters' intercepts", operation)
        try requireType(clusters.shifts, .f32, "the clusters' shifts", operation)
        let weights = clusters.weights.shape
        try require(
            weights.rank == 3 && weights[0] > 0 && weights[1] > 0 && weights[2] == channels && clusters.shifts.shape == weights
                && clusters.intercepts.shape == [weights[0], weights[1]], operation,
            "the clusters have weights \(weights), intercepts \(clusters.intercepts.shape) and shifts \(clusters.shifts.shape), the activation has "
                + "\(channels) channels; expected [maps, K, \(channels)], [maps, K] and [maps, K, \(channels)]")
        try requireOption(
            weights[1] <= TransportClusters.limit, operation,
            "a map has \(weights[1]) clusters, at most \(TransportClusters.limit) are supported")
    }
}
