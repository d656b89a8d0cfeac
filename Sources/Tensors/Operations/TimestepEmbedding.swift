/// The frequencies of a sinusoidal embedding of timesteps, and their order (diffusers' `Timesteps`).
public struct TimestepFrequencies: Sendable, Hashable {
    /// The channels of the embedding.
    public var channels: Int
    /// Whether cosines come before sines.
    public var cosinesFirst: Bool
    /// What the number of frequencies is lessened by in their exponent (diffusers' `downscale_freq_shift`; 1 in the original DDPM).
    public var shift: Float
    /// The period of the lowest frequency, over 2π.
    public var maximumPeriod: Float
    /// What an angle is multiplied by.
    public var scale: Float

    public init(
        channels: Int, cosinesFirst: Bool = true, shift: Float = 0, maximumPeriod: Float = 10_000, scale: Float = 1
    ) {
        self.channels = channels
        self.cosinesFirst = cosinesFirst
        self.shift = shift
        self.maximumPeriod = maximumPeriod
        self.scale = scale
    }

    /// The number of frequencies.
    public var count: Int { channels / 2 }
}

/// A validated ``Backend/timestepEmbedding(_:_:as:into:)``.
public struct TimestepEmbeddingOperation {
    /// `[n]` f32.
    public let timesteps: Tensor
    public let frequencies: TimestepFrequencies
    /// `[n, channels]` f32 or f16.
    public let output: Tensor
}

extension Backend {
    /// The sinusoidal embedding of timesteps (Ho et al. 2020, after Vaswani et al. 2017):
    /// `cos(s · t · p^(−i / (n − shift)))` and the sines of the same angles for i in 0 ..< n = channels / 2, p the maximum period and s the
    /// scale. An odd last channel is 0.
    ///
    /// Angles are computed beyond f32, so that a result is the exact one to within 2⁻²² whatever the timestep.
    ///
    /// - Parameters:
    ///   - timesteps: `[n]` f32, each finite with |s · t| at most 2²⁴.
    ///   - frequencies: SD and SDXL have the defaults with 320 channels (256 for SDXL's sizes), FLUX with 256 channels of 1000 · t.
    ///   - dtype: f32 or f16, the type of the result.
    /// - Returns: `[n, channels]`.
    public func timestepEmbedding(
        _ timesteps: Tensor, _ frequencies: TimestepFrequencies, as dtype: DType = .f32, into output: Tensor? = nil
    ) throws -> Tensor {
        let name = "timestepEmbedding"
        try Validation.requireType(timesteps, .f32, "the timesteps", name)
        try Validation.require(timesteps.shape.rank == 1, name, "timesteps have shape \(timesteps.shape), expected [n]")
        try Validation.requireOption(
            frequencies.channels >= 2 && frequencies.shift < Float(frequencies.count) && frequencies.shift.isFinite
                && frequencies.maximumPeriod > 0 && frequencies.maximumPeriod.isFinite && frequencies.scale.isFinite, name,
            "frequencies \(frequencies), expected at least 2 channels, a shift below half of them, a period > 0 and finite numbers")
        let shape: Shape = [timesteps.shape[0], frequencies.channels]
        try Validation.requireActivation(dtype, name)
        let result = try Validation.output(output, shape, dtype, self, name, reading: [.apart(timesteps, "the timesteps")])
        if shape.count == 0 { return result }
        try timestepEmbedding(TimestepEmbeddingOperation(timesteps: timesteps, frequencies: frequencies, output: result))
        return result
    }
}
