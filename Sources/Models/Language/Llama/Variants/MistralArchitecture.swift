extension LanguageArchitecture {
    /// Mistral (Jiang et al. 2023): Llama with a sliding window on every layer. GGUF files hold it as `llama`.
    static let mistral = LlamaVariant(
        name: "mistral", className: "MistralForCausalLM", keyHeads: 8, contextLength: 131_072,
        windows: { settings, layers in
            let stated = try settings.integer(ifPresent: "sliding_window", in: LlamaConfiguration.extents)
            let window = stated ?? (settings.isNull("sliding_window") ? nil : 4096)
            return try LlamaVariant.uniform(window: window, settings, layers: layers)
        },
        neutral: [
            .bool("attention_bias", false, "biases of attention, which a Mistral model does not have"),
            .bool("mlp_bias", false, "biases of the MLP, which a Mistral model does not have"),
        ]
    ).architecture
}
