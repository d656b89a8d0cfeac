import ModelFiles

/// The extents of a ``FluxTransformer``.
public struct FluxConfiguration: Sendable, Equatable {
    /// Of a token of the image: a patch of two by two latents.
    public var inputChannels: Int
    public var outputChannels: Int
    /// Blocks in which text and image have weights of their own.
    public var doubleLayers: Int
    /// Blocks that see text and image as one sequence.
    public var singleLayers: Int
    public var heads: Int
    public var headChannels: Int
    /// Of the text's tokens, as T5 gives them.
    public var textChannels: Int
    /// Of the text's vector, as CLIP gives it.
    public var pooledChannels: Int
    /// Whether the scale of guidance is an input.
    public var takesGuidance: Bool
    /// The channels of a head that turn by a token's index, row and column.
    public var axes: [Int]

    /// The channels of the residual streams.
    var channels: Int { heads * headChannels }

    static let patch = 2

    /// Reads `config.json` as `FluxTransformer2DModel` of diffusers does; what it does not know is refused by name.
    init(_ document: JSONDocument) throws {
        let settings = SettingsReader(document)
        let extents = 1...1 << 20
        inputChannels = try settings.integer(ifPresent: "in_channels", in: extents) ?? 64
        outputChannels = try settings.integer(ifPresent: "out_channels", in: extents) ?? inputChannels
        doubleLayers = try settings.integer(ifPresent: "num_layers", in: 0...4096) ?? 19
        singleLayers = try settings.integer(ifPresent: "num_single_layers", in: 0...4096) ?? 38
        headChannels = try settings.integer(ifPresent: "attention_head_dim", in: 2...1 << 12) ?? 128
        heads = try settings.integer(ifPresent: "num_attention_heads", in: 1...1 << 12) ?? 24
        textChannels = try settings.integer(ifPresent: "joint_attention_dim", in: extents) ?? 4096
        pooledChannels = try settings.integer(ifPresent: "pooled_projection_dim", in: extents) ?? 768
        takesGuidance = try settings.bool(ifPresent: "guidance_embeds") ?? false
        axes = try settings.integers(ifPresent: "axes_dims_rope", in: 2...1 << 12) ?? [16, 56, 56]
        settings.ignore(["_class_name", "_diffusers_version", "_name_or_path"])
        try settings.refuse([.number("patch_size", 1, meaning: "patches that the transformer cuts itself")])
        try settings.finish()
        try validate()
    }

    init(
        inputChannels: Int, outputChannels: Int, doubleLayers: Int, singleLayers: Int, heads: Int, headChannels: Int, textChannels: Int,
        pooledChannels: Int, takesGuidance: Bool, axes: [Int]
    ) throws {
        (self.inputChannels, self.outputChannels) = (inputChannels, outputChannels)
        (self.doubleLayers, self.singleLayers) = (doubleLayers, singleLayers)
        (self.heads, self.headChannels) = (heads, headChannels)
        (self.textChannels, self.pooledChannels) = (textChannels, pooledChannels)
        (self.takesGuidance, self.axes) = (takesGuidance, axes)
        try validate()
    }

    private func validate() throws {
        guard axes.count == 3, axes.allSatisfy({ $0 % 2 == 0 }), axes.reduce(0, +) == headChannels else {
            throw ModelError.invalidConfiguration(
                "axes_dims_rope is \(axes); three even numbers are wanted that add up to the \(headChannels) channels of a head")
        }
        guard outputChannels == inputChannels, inputChannels % (Self.patch * Self.patch) == 0 else {
            throw ModelError.unsupported(
                "the transformer takes \(inputChannels) channels and gives \(outputChannels): it is made for filling in, or for control by another "
                    + "picture; Monge draws from texts")
        }
    }
}
