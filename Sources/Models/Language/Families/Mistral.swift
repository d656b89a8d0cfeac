extension LanguageArchitecture {
    /// Mistral (Jiang et al. 2023): Llama with a sliding window on every layer. GGUF files hold it as `llama`.
    static let mistral = DecoderFamily(
        name: "mistral", className: "MistralForCausalLM",
        folder: { settings in
            var c = try DecoderConfiguration(settings, family: "mistral", FolderDefaults(keyHeads: 8, contextLength: 131_072))
            c.windows = try LayerTypes.uniform(window: LayerTypes.window(settings, silent: 4096), settings, layers: c.layers)
            return c
        },
        neutral: [
            .bool("attention_bias", false, "biases of attention, which a Mistral model does not have"),
            .bool("mlp_bias", false, "biases of the MLP, which a Mistral model does not have"),
        ],
        build: { c, m in try DecoderParts(c, m) { try .llama(c, $0, layer: $1) } }
    ).architecture
}
