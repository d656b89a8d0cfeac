extension LanguageArchitecture {
    /// Phi-3 and Phi-4-mini (Abdin et al. 2024): Llama with one matrix for queries, keys and values and one for gate and up, rotary positions on
    /// a part of each head, and factors for long contexts (LongRoPE).
    static let phi3 = DecoderFamily(
        name: "phi3", className: "Phi3ForCausalLM",
        folder: { settings in
            var c = try DecoderConfiguration(
                settings, family: "phi3",
                FolderDefaults(
                    contextLength: 4096, normEpsilon: 1e-5, olderRotaryNames: ["su": "longrope", "yarn": "longrope"],
                    allowsPartialRotary: true))
            c.windows = try LayerTypes.uniform(window: LayerTypes.window(settings, silent: nil), settings, layers: c.layers)
            return c
        },
        neutral: [.bool("attention_bias", false, "biases of attention, which a Phi-3 model does not have")],
        gguf: DecoderFamily.GGUFForm(names: .joined) { settings in try DecoderConfiguration(settings, allowsPartialRotary: true) },
        build: { c, m in try DecoderParts(c, m) { try .phi3(c, $0, layer: $1) } }
    ).architecture
}

extension DecoderBlock {
    fileprivate static func phi3(_ c: DecoderConfiguration, _ m: LayerLoader, layer: Int) throws -> DecoderBlock {
        let (queryChannels, keyChannels) = (c.heads * c.headChannels, c.keyHeads * c.headChannels)
        let (attention, mlp) = (m["self_attn"], m["mlp"])
        return DecoderBlock(
            beforeAttention: try m.rmsNorm("input_layernorm", c.hidden),
            attention: try CausalAttention(
                c, attention, layer: layer,
                input: .joined(
                    try attention.joinedProjection("qkv_proj", inputs: c.hidden, outputs: [queryChannels, keyChannels, keyChannels])),
                output: "o_proj"),
            beforeFeedForward: try m.rmsNorm("post_attention_layernorm", c.hidden),
            feedForward: GatedMLP(
                input: .joined(try mlp.joinedProjection("gate_up_proj", inputs: c.hidden, outputs: [c.intermediate, c.intermediate])),
                down: try mlp.projection("down_proj", inputs: c.intermediate, outputs: c.hidden), activation: c.activation),
            outputSite: m.site(c.hidden))
    }
}

extension GGUFTensorNames {
    fileprivate static let joined = GGUFTensorNames(
        block: llama.block.merging(["self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"]) { $1 })
}
