extension LanguageArchitecture {
    /// Qwen 3 (Yang et al. 2025): Llama with a norm of each head of queries and keys, and a sliding window on the layers that the settings name.
    static let qwen3 = DecoderFamily(
        name: "qwen3", className: "Qwen3ForCausalLM",
        folder: { settings in
            var c = try DecoderConfiguration(
                settings, family: "qwen3", FolderDefaults(keyHeads: 32, headChannels: 128, contextLength: 32_768))
            try c.readAttentionBias(settings)
            c.windows = try LayerTypes.qwenWindows(settings, layers: c.layers)
            return c
        },
        gguf: DecoderFamily.GGUFForm { settings in
            var c = try DecoderConfiguration(settings)
            (c.queryKeyValueBias, c.attentionOutputBias) = (.ifStored, .ifStored)
            return c
        },
        build: { c, m in try DecoderParts(c, m) { try .llama(c, $0, layer: $1, norms: .heads) } }
    ).architecture
}
