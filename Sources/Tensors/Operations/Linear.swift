/// A validated ``Backend/linear(_:weight:bias:epilogue:as:into:)``.
public struct LinearOperation {
    /// `[…, K]` f32 or f16, seen as `[rows, K]`.
    public let x: Tensor
    /// `[N, K]`, any weight type.
    public let weight: Tensor
    /// `[N]` f32.
    public let bias: Tensor?
    public let activation: Activation
    /// Pointwise.
    public let transport: TransportApplication?
    /// `[…, N]` f32 or f16.
    public let residual: Tensor?
    /// `[…, N]` f32 or f16.
    public let output: Tensor

    /// The number of rows of x.
    public var rows: Int { x.shape.rows }
    /// The number of elements that are summed for one output.
    public var inputChannels: Int { weight.shape[1] }
    public var outputChannels: Int { weight.shape[0] }
}

extension Backend {
    /// `y = epilogue(x · Wᵀ + b)`, accumulated in f32 (or wider) and rounded once to the type of the result.
    ///
    /// - Parameters:
    ///   - x: `[…, K]` f32 or f16.
    ///   - weight: `[N, K]`, any weight type; quantised rows are decoded as they are read.
    ///   - bias: `[N]` f32.
    ///   - epilogue: activation, transports and residual (`[…, N]`, f32 or f16), in this order.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; allocated when nil. May be the residual itself.
    /// - Returns: `[…, N]`.
    public func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor? = nil, epilogue: Epilogue = .none, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "linear"
        let shape = try Validation.linear(x, weight: weight, bias: bias, name)
        try Validation.residual(epilogue.residual, of: shape, name)
        for transport in epilogue.transports { try Validation.transport(transport, on: shape, name) }
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(
            output, shape, dtype, self, name,
            reading: [
                .apart(x, "x"), .apart(weight, "the weight"), .apart(bias, "the bias"), .inPlace(epilogue.residual, "the residual"),
                .transports(epilogue.transports),
            ])
        if shape.count == 0 { return result }
        // One map at most is fused; with others the residual, over which the result may be written, waits for the last.
        let following = epilogue.following
        let defers = !following.isEmpty && epilogue.residual != nil
        let mapped = defers ? try allocate(shape, dtype) : result
        try linear(
            LinearOperation(
                x: x, weight: weight, bias: bias, activation: epilogue.activation, transport: epilogue.fused,
                residual: defers ? nil : epilogue.residual, output: mapped))
        try apply(following, to: mapped)
        if defers, let residual = epilogue.residual { _ = try add(mapped, residual, into: result) }
        return result
    }
}

extension Validation {
    /// Checks the operands of a matrix product.
    /// - Returns: The result's shape.
    static func linear(_ x: Tensor, weight: Tensor, bias: Tensor?, _ operation: String) throws -> Shape {
        try requireActivation(x, "x", operation)
        guard weight.dtype.isWeight else {
            throw TensorError.unsupportedType(operation: operation, detail: "the weight is \(weight.dtype)")
        }
        try require(
            weight.shape.rank == 2 && x.shape.rank >= 1 && x.shape.channels == weight.shape[1], operation,
            "x \(x.shape) does not match weight \(weight.shape), expected x […, K] and weight [N, K]")
        let outputChannels = weight.shape[0]
        if let bias {
            try requireType(bias, .f32, "the bias", operation)
            try require(
                bias.shape == [outputChannels], operation,
                "bias \(bias.shape) does not match weight \(weight.shape), expected bias [N] and weight [N, K]")
        }
        return x.shape.replacingChannels(with: outputChannels)
    }
}
