/// Which half of a packed gated product is the gate.
public enum GatePlace: String, Sendable, CaseIterable, Hashable {
    /// Channels 0 ..< C are the gate (the fused gate_up projection of Phi-3 and GLM-4).
    case first
    /// Channels C ..< 2C are the gate (GEGLU of diffusers).
    case second
}

extension Backend {
    /// `activation(gate) · up`, element by element (GLU variants, Shazeer 2020).
    ///
    /// - Parameters:
    ///   - gate: f32 or f16.
    ///   - up: f32 or f16; shapes are broadcast as in ``add(_:_:as:into:)``.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or the gate's.
    ///   - output: Where to write; may be an input of the result's shape.
    /// - Returns: The broadcast shape.
    public func gatedProduct(
        gate: Tensor, up: Tensor, activation: Activation, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        try elementwise(.gatedProduct(activation), [(gate, "the gate"), (up, "up")], as: dtype, into: output)
    }

    /// `activation(gate) · up` where gate and up are the halves of one activation, as a projection to both gives it.
    ///
    /// - Parameters:
    ///   - packed: `[…, 2C]` f32 or f16.
    ///   - gate: Which half is the gate.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's.
    ///   - output: Where to write; apart from x.
    /// - Returns: `[…, C]`.
    public func gatedProduct(
        packed x: Tensor, gate place: GatePlace, activation: Activation, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let function = ElementwiseFunction.gatedProduct(activation)
        try Validation.requireActivation(x, "x", function.name)
        try Validation.require(
            x.shape.rank >= 1 && x.shape.channels % 2 == 0, function.name, "x has shape \(x.shape), expected two halves: […, 2C]")
        let channels = x.shape.channels / 2
        let shape = x.shape.replacingChannels(with: channels)
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, function.name)
        let result = try Validation.output(output, shape, dtype, self, function.name, reading: [.apart(x, "x")])
        if shape.count == 0 { return result }
        let (gate, up) = place == .first ? (0, channels) : (channels, 0)
        var walk = StridedWalk(
            [shape.rows, channels], operands: [(gate, [2 * channels, 1]), (up, [2 * channels, 1]), (0, [channels, 1])])
        // Of halves of one channel the rows alone are left, which are two apart.
        if channels == 1 { walk = walk.appendingUnitAxis() }
        try elementwise(ElementwiseOperation(function: function, operands: [x, x], output: result, walk: walk))
        return result
    }
}
