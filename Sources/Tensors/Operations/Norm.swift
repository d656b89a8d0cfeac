/// A validated ``Backend/rmsNorm(_:gain:epsilon:transports:as:into:)``.
public struct RMSNormOperation {
    /// `[…, C]` f32 or f16.
    public let x: Tensor
    /// `[C]` f32.
    public let gain: Tensor
    public let epsilon: Float
    /// Pointwise.
    public let transport: TransportApplication?
    /// `[…, C]` f32 or f16; never aliases x.
    public let output: Tensor
}

extension Backend {
    /// Root-mean-square normalisation over the last axis (Zhang & Sennrich 2019): `y = gain · x / √(mean(x²) + ε)`, then the maps.
    ///
    /// - Parameters:
    ///   - x: `[…, C]` f32 or f16.
    ///   - gain: `[C]` f32.
    ///   - epsilon: ε ≥ 0.
    ///   - transports: Maps applied to the result, in this order.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's. Sums are f32, whatever it is.
    public func rmsNorm(
        _ x: Tensor, gain: Tensor, epsilon: Float, transports: [TransportApplication] = [], as dtype: DType? = nil,
        into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "rmsNorm"
        try Validation.requireActivation(x, "x", name)
        try Validation.requireType(gain, .f32, "the gain", name)
        try Validation.require(
            x.shape.rank >= 1 && gain.shape == [x.shape.channels], name,
            "x \(x.shape) does not match gain \(gain.shape), expected x […, C] and gain [C]")
        try Validation.requireOption(epsilon >= 0 && epsilon.isFinite, name, "epsilon is \(epsilon), expected a number ≥ 0")
        for transport in transports { try Validation.transport(transport, on: x.shape, name) }
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(
            output, x.shape, dtype, self, name, reading: [.apart(x, "x"), .apart(gain, "the gain"), .transports(transports)])
        if x.shape.count == 0 { return result }
        let epilogue = Epilogue(transports: transports)
        try rmsNorm(RMSNormOperation(x: x, gain: gain, epsilon: epsilon, transport: epilogue.fused, output: result))
        try apply(epilogue.following, to: result)
        return result
    }
}
