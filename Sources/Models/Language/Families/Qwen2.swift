extension LanguageArchitecture {
    /// Qwen 2 and 2.5 (Yang et al. 2024): Llama with biases on query, key and value, and a sliding window on the layers that the settings name.
    static let qwen2 = DecoderFamily(
        name: "qwen2", className: "Qwen2ForCausalLM",
        folder: { settings in
            var c = try DecoderConfiguration(settings, family: "qwen2", FolderDefaults(keyHeads: 32, contextLength: 32_768))
            c.queryKeyValueBias = .required
            c.windows = try LayerTypes.qwenWindows(settings, layers: c.layers)
            return c
        },
        neutral: [.bool("mlp_bias", false, "biases of the MLP, which a Qwen2 model does not have")],
        gguf: DecoderFamily.GGUFForm { settings in
            var c = try DecoderConfiguration(settings)
            c.queryKeyValueBias = .required
            return c
        },
        build: { c, m in try DecoderParts(c, m) { try .llama(c, $0, layer: $1) } }
    ).architecture
}

extension LayerTypes {
    /// Qwen's windows: where they are in use, on the layers from `max_window_layers` on, or on those that `layer_types` names.
    static func qwenWindows(_ settings: SettingsReader, layers: Int) throws -> [Int?] {
        let window = try window(settings, silent: 4096)
        let isUsed = try settings.bool(ifPresent: "use_sliding_window") == true
        let first = try settings.integer(ifPresent: "max_window_layers", in: 0...DecoderConfiguration.extents.upperBound) ?? 28
        return try windows(isUsed ? window : nil, settings, layers: layers) { $0 >= first }
    }
}
