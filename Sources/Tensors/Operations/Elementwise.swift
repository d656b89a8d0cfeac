/// A validated ``Backend/transport(_:by:into:)``.
public struct TransportOperation {
    /// `[…, C]` f32 or f16.
    public let x: Tensor
    public let transport: TransportApplication
    /// Of x's type; may alias x.
    public let output: Tensor
}

extension Backend {
    /// Applies a map to every row of an activation (`[…, C]` f32 or f16), as ``TransportApplication`` defines it.
    public func transport(_ x: Tensor, by transport: TransportApplication, into output: Tensor? = nil) throws -> Tensor {
        let name = "transport"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(x.shape.rank >= 1, name, "x has no channels")
        try Validation.transport(transport, rows: x.shape.rows, channels: x.shape.channels, name)
        let result = try Validation.output(output, x.shape, x.dtype, self, name)
        if x.shape.count == 0 { return result }
        try self.transport(TransportOperation(x: x, transport: transport, output: result))
        return result
    }
}
