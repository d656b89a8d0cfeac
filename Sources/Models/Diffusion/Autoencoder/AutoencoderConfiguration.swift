import ModelFiles

/// The extents and constants of an ``AutoencoderKL``.
public struct AutoencoderConfiguration: Sendable, Equatable {
    /// Of the picture.
    public var inputChannels: Int
    public var outputChannels: Int
    public var latentChannels: Int
    /// From the largest image to the smallest.
    public var channels: [Int]
    /// Of the encoder, by level; the decoder has one more.
    public var layers: Int
    public var groups: Int
    /// Multiplies latents before they are denoised.
    public var scale: Float
    /// Subtracted from latents before they are scaled.
    public var shift: Float
    /// Whether attention stands in the middle.
    public var attends: Bool
    /// Whether one-pixel convolutions stand around the latents.
    public var convolvesAfterEncoder, convolvesBeforeDecoder: Bool
    /// Whether the model's numbers outgrow f16.
    public var needsSinglePrecision: Bool

    /// Reads `vae/config.json` as `AutoencoderKL` of diffusers does.
    ///
    /// Every setting is obeyed or refused by name.
    init(_ document: JSONDocument) throws {
        let settings = SettingsReader(document)
        let extents = 1...1 << 16
        try settings.requireClass("AutoencoderKL")
        inputChannels = try settings.integer(ifPresent: "in_channels", in: extents) ?? 3
        outputChannels = try settings.integer(ifPresent: "out_channels", in: extents) ?? 3
        latentChannels = try settings.integer(ifPresent: "latent_channels", in: extents) ?? 4
        channels = try settings.integers(ifPresent: "block_out_channels", in: extents) ?? [64]
        guard (1...12).contains(channels.count) else {
            throw ModelError.invalidConfiguration("block_out_channels has \(channels.count) numbers, expected 1 … 12")
        }
        for (key, expected) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            let types = try settings.strings(ifPresent: key) ?? [expected]
            if let other = types.first(where: { $0 != expected }) {
                throw ModelError.unsupportedSetting(key: key, value: "'\(other)'", meaning: "Monge knows \(expected)")
            }
            guard types.count == channels.count else {
                throw ModelError.invalidConfiguration("\(key) names \(types.count) blocks where block_out_channels has \(channels.count)")
            }
        }
        layers = try settings.integer(ifPresent: "layers_per_block", in: extents) ?? 1
        groups = try settings.integer(ifPresent: "norm_num_groups", in: extents) ?? 32
        scale = try settings.number(ifPresent: "scaling_factor", in: 1e-6...1e6) ?? 0.18215
        shift = try settings.number(ifPresent: "shift_factor", in: -1e6...1e6) ?? 0
        attends = try settings.bool(ifPresent: "mid_block_add_attention") ?? true
        convolvesAfterEncoder = try settings.bool(ifPresent: "use_quant_conv") ?? true
        convolvesBeforeDecoder = try settings.bool(ifPresent: "use_post_quant_conv") ?? true
        needsSinglePrecision = try settings.bool(ifPresent: "force_upcast") ?? true
        settings.ignore(["sample_size"])
        try settings.refuse([
            .string("act_fn", "silu", "swish", meaning: "the activation of Monge's autoencoder is silu"),
            .absent("latents_mean", "a mean for each channel of the latents"),
            .absent("latents_std", "a deviation for each channel of the latents"),
        ])
        try settings.finish()
    }

    /// How many pixels of the picture one of the latents stands for, along each side.
    public var reduction: Int { 1 << (channels.count - 1) }
}
