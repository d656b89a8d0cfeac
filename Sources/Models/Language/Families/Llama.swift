extension LanguageArchitecture {
    /// Llama (Touvron et al. 2023; Llama Team 2024) and what was built like it, such as SmolLM2.
    static let llama = DecoderFamily(
        name: "llama", className: "LlamaForCausalLM",
        folder: { settings in
            var c = try DecoderConfiguration(settings, family: "llama", FolderDefaults(contextLength: 2048))
            try c.readAttentionBias(settings)
            try c.readMLPBias(settings)
            // transformers' Llama attends to everything whatever these say.
            if try settings.bool(ifPresent: "use_sliding_window") != false, let window = try LayerTypes.window(settings, silent: nil) {
                throw ModelError.unsupportedSetting(
                    key: "sliding_window", value: "\(window)", meaning: "a sliding window, which a Llama model does not have")
            }
            c.windows = try LayerTypes.uniform(window: nil, settings, layers: c.layers)
            return c
        },
        gguf: DecoderFamily.GGUFForm(interleavesPairs: true) { settings in
            var c = try DecoderConfiguration(settings)
            (c.queryKeyValueBias, c.attentionOutputBias, c.mlpBias) = (.ifStored, .ifStored, .ifStored)
            return c
        },
        build: { c, m in try DecoderParts(c, m) { try .llama(c, $0, layer: $1) } }
    ).architecture
}

extension DecoderBlock {
    /// Llama's block, which many share: norms before rotary attention and before a gated MLP.
    /// - Parameter norms: Those of queries and keys.
    static func llama(
        _ c: DecoderConfiguration, _ m: LayerLoader, layer: Int, norms: CausalAttention.NormKind = .none
    ) throws -> DecoderBlock {
        DecoderBlock(
            beforeAttention: try m.rmsNorm("input_layernorm", c.hidden),
            attention: try CausalAttention(c, m["self_attn"], layer: layer, norms: norms),
            beforeFeedForward: try m.rmsNorm("post_attention_layernorm", c.hidden),
            feedForward: try GatedMLP(c, m["mlp"]),
            outputSite: m.site(c.hidden))
    }
}
