import ModelFiles

/// What the `config.json` of any language model may say.
enum FolderSettings {
    /// Settings of other models' configurations, which the folder of a decoder keeps when it was converted or renamed, at the values that change
    /// nothing.
    static let neutral: [NeutralSetting] =
        common + [
            .bool("use_bidirectional_attention", false, "attention that is not causal"),
            .bool("is_causal", true, "attention that is not causal"),
        ]

    /// Those of decoders and encoders alike.
    static let common: [NeutralSetting] = [
        .absent(
            "quantization_config", "the weights are quantised in a way that Monge does not read; use an unquantised folder or a GGUF file"),
        .absent("compression_config", "the weights are compressed in a way that Monge does not read"),
        .bool("is_encoder_decoder", false, "the model is an encoder and a decoder"),
        .bool("add_cross_attention", false, "the model attends to an encoder"),
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
        .bool("scale_attn_weights", true, "attention whose scores are not scaled"),
        .bool("scale_attn_by_inverse_layer_idx", false, "a scale of attention's scores"),
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
}
