extension LanguageArchitecture {
    /// Qwen 2 and 2.5 (Yang et al. 2024): Llama with biases on query, key and value, and a sliding window on the layers that the settings name.
    static let qwen2 = LlamaVariant(
        name: "qwen2", className: "Qwen2ForCausalLM", keyHeads: 32, contextLength: 32_768,
        biases: { _ in LlamaVariant.Biases(queryKeyValue: .required) },
        windows: { settings, layers in
            var window: Int?
            let stated = try settings.integer(ifPresent: "sliding_window", in: LlamaConfiguration.extents)
            if try settings.bool(ifPresent: "use_sliding_window") == true {
                window = stated ?? (settings.isNull("sliding_window") ? nil : 4096)
            }
            let first = try settings.integer(ifPresent: "max_window_layers", in: 0...LlamaConfiguration.extents.upperBound) ?? 28
            guard let types = try LlamaVariant.layerTypes(settings, layers: layers) else {
                return (0..<layers).map { $0 >= first ? window : nil }
            }
            guard window != nil || !types.contains("sliding_attention") else {
                throw ModelError.invalidConfiguration("layer_types has layers of 'sliding_attention', but no sliding_window is in use")
            }
            return types.map { $0 == "sliding_attention" ? window : nil }
        },
        neutral: [.bool("mlp_bias", false, "biases of the MLP, which a Qwen2 model does not have")],
        gguf: LlamaVariant.GGUFForm(interleavesPairs: false, biases: { LlamaVariant.Biases(queryKeyValue: .required) })
    ).architecture
}
