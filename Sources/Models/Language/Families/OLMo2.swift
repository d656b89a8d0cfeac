extension LanguageArchitecture {
    /// OLMo 2 (OLMo Team 2024): norms only behind attention and MLP, and of queries and keys over all heads together.
    static let olmo2 = DecoderFamily(
        name: "olmo2", className: "Olmo2ForCausalLM",
        folder: { settings in
            var c = try DecoderConfiguration(settings, family: "olmo2", FolderDefaults(contextLength: 2048, normEpsilon: 1e-5))
            try c.readAttentionBias(settings)
            return c
        },
        gguf: DecoderFamily.GGUFForm(names: .normedTwice) { try DecoderConfiguration($0, period: 4) },
        build: { c, m in
            try DecoderParts(c, m) { m, layer in
                DecoderBlock(
                    attention: try CausalAttention(c, m["self_attn"], layer: layer, norms: .whole),
                    behindAttention: try m.rmsNorm("post_attention_layernorm", c.hidden),
                    feedForward: try GatedMLP(c, m["mlp"]),
                    behindFeedForward: try m.rmsNorm("post_feedforward_layernorm", c.hidden),
                    outputSite: m.site(c.hidden))
            }
        }
    ).architecture
}
