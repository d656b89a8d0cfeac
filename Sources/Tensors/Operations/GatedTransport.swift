/// How much of a map's strength each row feels: `g(x) = σ(⟨v, x⟩ + c₀)`, of the whole row x and for each map of a table.
public final class TransportGates {
    /// `[maps, channels]` f32: v of each map.
    public let weights: Tensor
    /// `[maps]` f32: c₀ of each map; +∞ for a map without a gate, whose rows have g = 1 whatever they hold.
    public let intercepts: Tensor

    public init(weights: Tensor, intercepts: Tensor) {
        self.weights = weights
        self.intercepts = intercepts
    }
}

/// A validated ``Backend/transport(_:by:activation:as:into:)`` of maps that have gates.
public struct GatedTransportOperation {
    /// `[…, C]` f32 or f16, seen as `[rows, C]`.
    public let x: Tensor
    /// Pointwise.
    public let transport: TransportApplication
    public let gates: TransportGates
    /// f32 or f16; may alias x.
    public let output: Tensor
}

extension Backend {
    /// Applies a validated map, between clusters, gated or plain, and then the activation.
    func apply(_ map: TransportApplication, activation: Activation, to x: Tensor, into output: Tensor) throws {
        if let clusters = map.clusters {
            try clusterTransport(ClusterTransportOperation(x: x, transport: map, clusters: clusters, output: output))
        } else if let gates = map.gates {
            try gatedTransport(GatedTransportOperation(x: x, transport: map, gates: gates, output: output))
        } else {
            return try transport(TransportOperation(x: x, transport: map, activation: activation, output: output))
        }
        if activation != .identity { _ = try self.activation(output, activation, into: output) }
    }
}

extension Validation {
    /// Checks the gates of a transport, where it has some.
    static func gates(of transport: TransportApplication, _ operation: String) throws {
        guard let gates = transport.gates else { return }
        try requireType(gates.weights, .f32, "the gates' weights", operation)
        try requireType(gates.intercepts, .f32, "the gates' intercepts", operation)
        let table = try transport.affineTable(operation).shape
        try require(
            gates.weights.shape == [table[0], table[1]] && gates.intercepts.shape == [table[0]], operation,
            "the gates have weights \(gates.weights.shape) and intercepts \(gates.intercepts.shape), the transport table is \(table); expected "
                + "[\(table[0]), \(table[1])] and [\(table[0])]")
        try requireOption(
            transport.spatial == .pointwise, operation, "gates are of rows by themselves, and the transport is of means over an image")
    }

    /// Refuses gates where a map is fused into a kernel that knows none.
    static func requireNoGates(_ transports: [TransportApplication], _ operation: String) throws {
        try requireOption(!transports.contains { $0.gates != nil }, operation, "maps with gates are not fused here: they run on their own")
    }
}
