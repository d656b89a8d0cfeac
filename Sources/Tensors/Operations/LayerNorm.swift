/// A validated ``Backend/layerNorm(_:gain:bias:epsilon:transports:as:into:)``.
public struct LayerNormOperation {
    /// `[…, C]` f32 or f16.
    public let x: Tensor
    /// `[C]` f32.
    public let gain: Tensor?
    /// `[C]` f32.
    public let bias: Tensor?
    public let epsilon: Float
    /// Pointwise.
    public let transport: TransportApplication?
    /// `[…, C]` f32 or f16; never aliases x.
    public let output: Tensor
}

extension Backend {
    /// Layer normalisation over the last axis (Ba, Kiros & Hinton 2016): `y = gain · (x − m) / √(v + ε) + bias` with the mean m and the
    /// variance v = mean((x − m)²) of the row, then the maps.
    ///
    /// - Parameters:
    ///   - x: `[…, C]` f32 or f16.
    ///   - gain: `[C]` f32; nil for 1.
    ///   - bias: `[C]` f32; nil for 0.
    ///   - epsilon: ε ≥ 0.
    ///   - transports: Maps applied to the result, in this order.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's. Sums are f32, whatever it is.
    /// - Returns: `[…, C]`.
    public func layerNorm(
        _ x: Tensor, gain: Tensor? = nil, bias: Tensor? = nil, epsilon: Float, transports: [TransportApplication] = [],
        as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "layerNorm"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(x.shape.rank >= 1, name, "x has no channels")
        try Validation.channels(gain, "gain", x, name)
        try Validation.channels(bias, "bias", x, name)
        try Validation.requireOption(epsilon >= 0 && epsilon.isFinite, name, "epsilon is \(epsilon), expected a number ≥ 0")
        for transport in transports { try Validation.transport(transport, on: x.shape, name) }
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(
            output, x.shape, dtype, self, name,
            reading: [.apart(x, "x"), .apart(gain, "the gain"), .apart(bias, "the bias"), .transports(transports)])
        if x.shape.count == 0 { return result }
        let epilogue = Epilogue(transports: transports)
        try layerNorm(
            LayerNormOperation(x: x, gain: gain, bias: bias, epsilon: epsilon, transport: epilogue.fused, output: result))
        try apply(epilogue.following, to: result)
        return result
    }
}
