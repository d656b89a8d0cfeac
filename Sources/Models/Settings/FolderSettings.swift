import ModelFiles

/// What the `config.json` of any decoder-only language model may say.
enum FolderSettings {
    /// Settings of other models' configurations, which a folder keeps when it was converted or renamed, at the values that change nothing.
    static let neutral: [NeutralSetting] = [
        .absent(
            "quantization_config", "the weights are quantised in a way that Monge does not read; use an unquantised folder or a GGUF file"),
        .absent("compression_config", "the weights are compressed in a way that Monge does not read"),
        .bool("is_encoder_decoder", false, "the model is an encoder and a decoder"),
        .bool("add_cross_attention", false, "the model attends to an encoder"),
        .bool("use_bidirectional_attention", false, "attention that is not causal"),
        .bool("is_causal", true, "attention that is not causal"),
        .bool("alibi", false, "positions as biases of attention"),
        .bool("rope_interleaved", false, "rotary pairs that lie side by side"),
        .bool("parallel_attn", false, "attention and MLP side by side"),
        .bool("use_parallel_residual", false, "attention and MLP side by side"),
        .bool("qk_norm", false, "norms of queries and keys"),
        .bool("use_qk_norm", false, "norms of queries and keys"),
        .bool("qk_layernorm", false, "norms of queries and keys"),
        .bool("lm_head_bias", false, "a bias of the output projection"),
        .bool("use_bias", false, "biases"),
        .number("partial_rotary_factor", 1, meaning: "rotary positions on a part of each head"),
        .number("rotary_pct", 1, meaning: "rotary positions on a part of each head"),
        .absent("attention_multiplier", "a scale of attention's scores"),
        .absent("query_pre_attn_scalar", "a scale of attention's scores"),
        .number("embedding_multiplier", 1, meaning: "a factor on the embedding"),
        .number("scale_emb", 1, meaning: "a factor on the embedding"),
        .number("residual_multiplier", 1, meaning: "a factor on what layers add"),
        .absent("scale_depth", "a factor on what layers add"),
        .number("logits_scaling", 1, meaning: "a scale of the logits"),
        .number("logit_scale", 1, meaning: "a scale of the logits"),
        .absent("dim_model_base", "a scale of the logits"),
        .number("final_logit_softcapping", 0, meaning: "a soft cap of the logits"),
        .number("attn_logit_softcapping", 0, meaning: "a soft cap of attention's scores"),
        .number("clip_qkv", 0, meaning: "a limit on queries, keys and values"),
        .number("attention_chunk_size", 0, meaning: "attention within chunks"),
        .number("num_local_experts", 0, meaning: "a mixture of experts"),
        .number("num_experts", 0, meaning: "a mixture of experts"),
        .number("n_routed_experts", 0, meaning: "a mixture of experts"),
        .number("moe_intermediate_size", 0, meaning: "a mixture of experts"),
        .number("no_rope_layer_interval", 0, meaning: "layers without positions"),
        .empty("no_rope_layers", "layers without positions"),
        .empty("pruned_heads", "heads that were taken out"),
    ]

    /// The rotary positions: `rope_scaling`, or `rope_parameters` as newer folders call it, and `rope_theta` in it or beside it.
    ///
    /// As in transformers 5: `rope_scaling` counts where both are there, and the base in it counts before the one beside it.
    static func rotary(_ settings: SettingsReader, channels: Int, contextLength: Int) throws -> RotaryPosition {
        let bases: ClosedRange<Float> = Float.leastNormalMagnitude...1e30
        let outer = try settings.number(ifPresent: "rope_theta", in: bases)
        let older = try settings.section("rope_scaling")
        let newer = try settings.section("rope_parameters")
        guard let section = older ?? newer else { return RotaryPosition(base: outer ?? 10000) }
        let base = try section.number(ifPresent: "rope_theta", in: bases) ?? outer ?? 10000
        let type = try section.string(ifPresent: "rope_type")
        let olderType = try section.string(ifPresent: "type")
        if let type, let olderType, type != olderType {
            throw ModelError.invalidConfiguration("the rotary scaling is called both '\(type)' and '\(olderType)'")
        }
        // Where the original context is stated outside, that counts.
        let original = try section.integer(ifPresent: "original_max_position_embeddings", in: LlamaConfiguration.extents)
        let originalOutside = try settings.integer(ifPresent: "original_max_position_embeddings", in: LlamaConfiguration.extents)
        let originalContext = Double(originalOutside ?? original ?? contextLength)
        var attentionFactor = 1.0
        let scaling: RotaryScaling?
        switch type ?? olderType ?? "default" {
        case "default": scaling = nil
        // Frequencies change only beyond the context that the model has, where Monge does not go.
        case "dynamic":
            _ = try section.number("factor", in: factors)
            scaling = nil
        case "linear": scaling = .linear(factor: Double(try section.number("factor", in: factors)))
        case "llama3":
            let low = try section.number("low_freq_factor", in: factors)
            let high = try section.number("high_freq_factor", in: factors)
            guard low < high else {
                throw ModelError.invalidConfiguration("low_freq_factor is \(low), high_freq_factor \(high): it must be more")
            }
            scaling = .llama3(
                factor: Double(try section.number("factor", in: factors)), low: Double(low), high: Double(high), original: originalContext)
        case "yarn":
            let factor = try section.number(ifPresent: "factor", in: factors).map(Double.init) ?? Double(contextLength) / originalContext
            (scaling, attentionFactor) = try yarn(section, factor: factor, base: base, original: originalContext)
        case let other:
            throw ModelError.unsupportedSetting(
                key: "rope_scaling", value: "'\(other)'", meaning: "Monge knows default, linear, dynamic, llama3 and yarn")
        }
        section.ignore(["finetuned"])
        try section.refuse([
            .number("factor", 1, meaning: "a rotary scaling without a type"),
            .number("partial_rotary_factor", 1, meaning: "rotary positions on a part of each head"),
        ])
        try section.finish()
        return RotaryPosition(
            base: base, frequencyFactors: scaling?.factors(base: Double(base), channels: channels).map { Float($0) },
            attentionFactor: Float(attentionFactor))
    }

    /// What a stretch of positions may be.
    static let factors: ClosedRange<Float> = 1e-6...1e6

    private static func yarn(
        _ section: SettingsReader, factor: Double, base: Float, original: Double
    ) throws -> (RotaryScaling, attentionFactor: Double) {
        guard base > 1 else { throw ModelError.invalidConfiguration("rope_theta is \(base); yarn needs more than 1") }
        func number(_ key: String) throws -> Double? { try section.number(ifPresent: key, in: 0...factors.upperBound).map(Double.init) }
        // Zero counts as absent, as in transformers.
        func positive(_ key: String) throws -> Double? { try number(key).flatMap { $0 == 0 ? nil : $0 } }
        let (scale, scaleOfAll) = (try positive("mscale"), try positive("mscale_all_dim"))
        var attentionFactor = RotaryScaling.yarnAttention(factor: factor)
        if let scale, let scaleOfAll {
            attentionFactor =
                RotaryScaling.yarnAttention(factor: factor, scale: scale) / RotaryScaling.yarnAttention(factor: factor, scale: scaleOfAll)
        }
        return (
            .yarn(
                factor: factor, fast: try positive("beta_fast") ?? 32, slow: try positive("beta_slow") ?? 1, original: original,
                truncates: try section.bool(ifPresent: "truncate") ?? true), try number("attention_factor") ?? attentionFactor
        )
    }
}
