/// A validated ``Backend/transport(_:by:activation:as:into:)``.
public struct TransportOperation {
    /// `[…, C]` f32 or f16.
    public let x: Tensor
    public let transport: TransportApplication
    /// Acts on what the map leaves.
    public let activation: Activation
    /// f32 or f16; may alias x.
    public let output: Tensor

    /// How many pixels share the mean of a channel under ``SpatialMode/channelMean``.
    public var pixels: Int { x.shape.rows / x.shape.images }
}

extension Backend {
    /// Applies a map to an activation, as ``TransportApplication`` defines it, and then a function to every element.
    ///
    /// - Parameters:
    ///   - x: `[…, C]` f32 or f16; `[images, …, C]` for a map by channel means.
    ///   - transport: The map, with gates or without, or between clusters.
    ///   - activation: The function.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; may be x itself.
    /// - Returns: x's shape.
    public func transport(
        _ x: Tensor, by transport: TransportApplication, activation: Activation = .identity, as dtype: DType? = nil,
        into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "transport"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(x.shape.rank >= 1, name, "x has no channels")
        try Validation.transport(transport, on: x.shape, name)
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(output, x.shape, dtype, self, name, reading: [.inPlace(x, "x"), .transports([transport])])
        if x.shape.count == 0 { return result }
        try apply(transport, activation: activation, to: x, into: result)
        return result
    }

    /// Applies validated maps one after the other, and the activation after the last of them, in place.
    /// - Precondition: there is a map where there is an activation.
    func apply(_ transports: ArraySlice<TransportApplication>, activation: Activation = .identity, to x: Tensor) throws {
        for (index, map) in zip(transports.indices, transports) {
            let isLast = index == transports.endIndex - 1
            try apply(map, activation: isLast ? activation : .identity, to: x, into: x)
        }
    }
}
