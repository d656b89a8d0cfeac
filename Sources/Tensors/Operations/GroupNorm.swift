/// A validated ``Backend/groupNorm(_:groups:gain:bias:epsilon:transports:epilogue:as:into:)``.
public struct GroupNormOperation {
    /// `[images, …, C]` f32 or f16.
    public let x: Tensor
    /// Divides C.
    public let groups: Int
    /// `[C]` f32.
    public let gain: Tensor?
    /// `[C]` f32.
    public let bias: Tensor?
    public let epsilon: Float
    /// Of either mode where it acts before the activation, pointwise where after.
    public let transport: TransportApplication?
    /// Whether the transport acts on the norm's result, and the activation on the transport's.
    public let mapsFirst: Bool
    public let activation: Activation
    /// Of x's shape, f32 or f16; added last.
    public let residual: Tensor?
    /// Of x's shape, f32 or f16; never aliases x.
    public let output: Tensor

    public var images: Int { x.shape.images }
    /// The pixels of an image.
    public var pixels: Int { x.shape.rows / x.shape.images }
    public var channels: Int { x.shape.channels }
    public var groupChannels: Int { channels / groups }
}

extension Backend {
    /// Group normalisation (Wu & He 2018) over the pixels of an image and the channels of a group:
    /// `y = gain · (x − m) / √(v + ε) + bias`, with mean m and variance v = mean((x − m)²) of the group; then `transports`, and what
    /// happens to the result as after every operation: activation, maps and residual.
    ///
    /// Where a model's site is the norm itself, its maps come before the activation: they are `transports`. Those of a site behind
    /// the activation are the epilogue's. One map is fused into the norm: the first of `transports`, whether it is pointwise
    /// or by channel means (which follow from the sums that the norm needs anyway); without any, the epilogue's first, if it is pointwise
    /// or no activation stands between it and the norm.
    ///
    /// - Parameters:
    ///   - x: `[images, …, C]` f32 or f16.
    ///   - groups: The number of groups of adjacent channels; divides C.
    ///   - gain: `[C]` f32; nil for 1.
    ///   - bias: `[C]` f32; nil for 0.
    ///   - epsilon: ε ≥ 0.
    ///   - transports: Maps applied to the norm's result, in this order.
    ///   - epilogue: Activation, transports and residual (x's shape, f32 or f16), in this order.
    ///   - dtype: f32 or f16, the type of the result; nil for the output's, or x's. Sums are f32, whatever it is.
    /// - Returns: x's shape.
    public func groupNorm(
        _ x: Tensor, groups: Int, gain: Tensor? = nil, bias: Tensor? = nil, epsilon: Float,
        transports: [TransportApplication] = [], epilogue: Epilogue = .none, as dtype: DType? = nil, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "groupNorm"
        try Validation.requireActivation(x, "x", name)
        try Validation.require(x.shape.rank >= 2, name, "x has shape \(x.shape), expected [images, …, channels]")
        try Validation.requireOption(
            groups > 0 && x.shape.channels % groups == 0, name, "\(groups) groups do not divide the channels of x \(x.shape)")
        try Validation.channels(gain, "gain", x, name)
        try Validation.channels(bias, "bias", x, name)
        try Validation.requireOption(epsilon >= 0 && epsilon.isFinite, name, "epsilon is \(epsilon), expected a number ≥ 0")
        for transport in transports + epilogue.transports { try Validation.transport(transport, on: x.shape, name) }
        try Validation.requireNoGates(transports + epilogue.transports, name)
        try Validation.residual(epilogue.residual, of: x.shape, name)
        let dtype = try Validation.resultType(dtype, output, usual: x.dtype, name)
        let result = try Validation.output(
            output, x.shape, dtype, self, name,
            reading: [
                .apart(x, "x"), .apart(gain, "the gain"), .apart(bias, "the bias"), .inPlace(epilogue.residual, "the residual"),
                .transports(transports + epilogue.transports),
            ])
        if x.shape.count == 0 { return result }
        func norm(_ map: TransportApplication?, mapsFirst: Bool, _ activation: Activation, _ residual: Tensor?, to y: Tensor) throws {
            try groupNorm(
                GroupNormOperation(
                    x: x, groups: groups, gain: gain, bias: bias, epsilon: epsilon, transport: map, mapsFirst: mapsFirst,
                    activation: activation, residual: residual, output: y))
        }
        // Without an activation there is no before and after it.
        let before = epilogue.activation == .identity ? transports + epilogue.transports : transports
        let after = epilogue.activation == .identity ? Epilogue(residual: epilogue.residual) : epilogue
        // A map between clusters runs on its own.
        let first = before.first.flatMap { $0.clusters == nil ? $0 : nil }
        let others = first == nil ? before[...] : before.dropFirst()
        // The output may lie over the residual, which then waits for the last map.
        if !others.isEmpty {
            let mapped = after.residual == nil ? result : try allocate(x.shape, dtype)
            try norm(first, mapsFirst: true, .identity, nil, to: mapped)
            try apply(others, activation: after.activation, to: mapped)
            try apply(after.transports[...], to: mapped)
            if let residual = after.residual { _ = try add(mapped, residual, into: result) }
        } else {
            let following = before.isEmpty ? after.following : after.transports[...]
            let defers = !following.isEmpty && after.residual != nil
            let mapped = defers ? try allocate(x.shape, dtype) : result
            try norm(
                before.first ?? after.fused, mapsFirst: !before.isEmpty, after.activation, defers ? nil : after.residual, to: mapped)
            try apply(following, to: mapped)
            if defers, let residual = after.residual { _ = try add(mapped, residual, into: result) }
        }
        return result
    }
}
