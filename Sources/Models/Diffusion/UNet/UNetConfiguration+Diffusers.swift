import ModelFiles

extension UNetConfiguration {
    /// Reads `unet/config.json` as `UNet2DConditionModel` of diffusers does.
    ///
    /// Every setting is obeyed or refused by name.
    init(_ document: JSONDocument) throws {
        let settings = SettingsReader(document)
        let extents = 1...1 << 20
        try settings.requireClass("UNet2DConditionModel")
        let channels = try settings.integers(ifPresent: "block_out_channels", in: extents) ?? [320, 640, 1280, 1280]
        let count = channels.count
        guard (1...12).contains(count) else {
            throw ModelError.invalidConfiguration("block_out_channels has \(count) numbers, expected 1 … 12")
        }
        func perBlock(_ key: String, _ standard: Int) throws -> [Int] {
            try settings.integers(ifPresent: key, count: count, in: extents) ?? [Int](repeating: standard, count: count)
        }
        func attends(_ key: String, _ attending: String, _ plain: String, _ standard: [String]) throws -> [Bool] {
            let types = try settings.strings(ifPresent: key) ?? standard
            guard types.count == count else {
                throw ModelError.invalidConfiguration("\(key) names \(types.count) blocks where block_out_channels has \(count)")
            }
            return try types.map { type in
                guard type == attending || type == plain else {
                    throw ModelError.unsupportedSetting(key: key, value: "'\(type)'", meaning: "Monge knows \(attending) and \(plain)")
                }
                return type == attending
            }
        }
        let down = try attends(
            "down_block_types", "CrossAttnDownBlock2D", "DownBlock2D",
            [String](repeating: "CrossAttnDownBlock2D", count: 3) + ["DownBlock2D"])
        let up = try attends(
            "up_block_types", "CrossAttnUpBlock2D", "UpBlock2D", ["UpBlock2D"] + [String](repeating: "CrossAttnUpBlock2D", count: 3))
        let layers = try perBlock("layers_per_block", 2)
        // What the settings call the channels of a head is the number of heads (diffusers issue 2011).
        let heads = try perBlock("attention_head_dim", 8)
        let text = try perBlock("cross_attention_dim", 1280)
        let depths = try Self.depths(settings, count: count, layers: layers)
        middle = try Self.middle(settings)
        middleDepth = depths.middle
        levels = (0..<count).map { level in
            Level(
                channels: channels[level], layers: layers[level], attendsOnWayDown: down[level], attendsOnWayUp: up[count - 1 - level],
                heads: heads[level], textChannels: text[level], downDepths: depths.down[level], upDepths: depths.up[level])
        }
        inputChannels = try settings.integer(ifPresent: "in_channels", in: extents) ?? 4
        outputChannels = try settings.integer(ifPresent: "out_channels", in: extents) ?? 4
        groups = try settings.integer(ifPresent: "norm_num_groups", in: extents) ?? 32
        normEpsilon = try settings.number(ifPresent: "norm_eps", in: 0...1) ?? 1e-5
        timeChannels = try settings.integer(ifPresent: "time_embedding_dim", in: extents) ?? 4 * channels[0]
        cosinesFirst = try settings.bool(ifPresent: "flip_sin_to_cos") ?? true
        frequencyShift = try settings.number(ifPresent: "freq_shift", in: 0...1) ?? 0
        addition = try Self.addition(settings, extents)
        guidanceChannels = try settings.integer(ifPresent: "time_cond_proj_dim", in: extents)
        inputKernel = try settings.integer(ifPresent: "conv_in_kernel", in: 1...63) ?? 3
        outputKernel = try settings.integer(ifPresent: "conv_out_kernel", in: 1...63) ?? 3
        sampleSize = try settings.integer(ifPresent: "sample_size", in: 1...1 << 14) ?? 64
        // Weights say by their shapes whether a projection is linear.
        settings.ignore(["use_linear_projection", "dropout", "upcast_attention", "_name_or_path"])
        try settings.refuse(Self.neutral)
        try settings.finish()
    }

    private static func middle(_ settings: SettingsReader) throws -> Middle {
        if settings.isNull("mid_block_type") { return .absent }
        switch try settings.string(ifPresent: "mid_block_type") ?? "UNetMidBlock2DCrossAttn" {
        case "UNetMidBlock2DCrossAttn": return .attending
        case "UNetMidBlock2D": return .plain
        case let type:
            throw ModelError.unsupportedSetting(
                key: "mid_block_type", value: "'\(type)'", meaning: "Monge knows UNetMidBlock2DCrossAttn and UNetMidBlock2D")
        }
    }

    private static func addition(_ settings: SettingsReader, _ extents: ClosedRange<Int>) throws -> Addition {
        let heads = try settings.integer(ifPresent: "addition_embed_type_num_heads", in: extents) ?? 64
        let sizeChannels = try settings.integer(ifPresent: "addition_time_embed_dim", in: extents)
        let inputs = try settings.integer(ifPresent: "projection_class_embeddings_input_dim", in: extents)
        switch try settings.string(ifPresent: "addition_embed_type") {
        case nil: return .none
        case "text": return .text(heads: heads)
        case "text_time":
            guard let sizeChannels, let inputs else {
                throw ModelError.invalidConfiguration(
                    "addition_embed_type is 'text_time' without addition_time_embed_dim or projection_class_embeddings_input_dim")
            }
            return .textAndSizes(sizeChannels: sizeChannels, inputs: inputs)
        case let type?:
            throw ModelError.unsupportedSetting(
                key: "addition_embed_type", value: "'\(type)'", meaning: "Monge knows text and text_time")
        }
    }

    /// The transformer blocks of each layer, by level: one number for all, one a level, or one a layer.
    private static func depths(
        _ settings: SettingsReader, count: Int, layers: [Int]
    ) throws -> (down: [[Int]], up: [[Int]], middle: Int) {
        let key = "transformer_layers_per_block"
        let reversedKey = "reverse_transformer_layers_per_block"
        let range = 0...1024
        let down = try settings.nestedIntegers(ifPresent: key, counts: layers, in: range) ?? layers.map { [Int](repeating: 1, count: $0) }
        let reversed = try settings.nestedIntegers(ifPresent: reversedKey, counts: layers.reversed().map { $0 + 1 }, in: range)
        let uniform = zip(down, layers).map { depths, layers in
            depths.allSatisfy { $0 == depths[0] } ? [Int](repeating: depths.first ?? 1, count: layers + 1) : nil
        }
        let up: [[Int]]
        if let reversed {
            up = reversed.reversed()
        } else {
            up = try uniform.map {
                guard let depths = $0 else {
                    throw ModelError.invalidConfiguration("\(key) differs from layer to layer, and \(reversedKey) is missing")
                }
                return depths
            }
        }
        return (down, up, down.last?.first ?? 1)
    }

    private static let neutral: [NeutralSetting] = [
        .string("act_fn", "silu", "swish", meaning: "the activation of Monge's UNet is silu"),
        .number("downsample_padding", 1, meaning: "another padding where the size is halved"),
        .number("mid_block_scale_factor", 1, meaning: "a factor on the block at the bottom"),
        .number("resnet_out_scale_factor", 1, meaning: "a factor on residual blocks"),
        .string("resnet_time_scale_shift", "default", meaning: "timesteps that scale norms"),
        .bool("resnet_skip_time_act", false, "timesteps without an activation"),
        .bool("center_input_sample", false, "latents that are centred"),
        .bool("only_cross_attention", false, "transformers without attention within the image"),
        .bool("mid_block_only_cross_attention", false, "transformers without attention within the image"),
        .bool("dual_cross_attention", false, "two transformers side by side"),
        .bool("class_embeddings_concat", false, "classes beside the text"),
        .string("attention_type", "default", meaning: "attention to boxes (GLIGEN)"),
        .string("time_embedding_type", "positional", meaning: "random frequencies of timesteps"),
        .absent("class_embed_type", "classes beside the text"),
        .absent("num_class_embeds", "classes beside the text"),
        .absent("encoder_hid_dim", "a projection of the text or of an image"),
        .absent("encoder_hid_dim_type", "a projection of the text or of an image"),
        .absent("time_embedding_act_fn", "an activation of the timestep's embedding"),
        .absent("timestep_post_act", "an activation of the timestep's embedding"),
        .absent("cross_attention_norm", "a norm of the text"),
        .absent("num_attention_heads", "heads in another spelling than attention_head_dim"),
    ]
}
