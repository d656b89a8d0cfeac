extension LanguageArchitecture {
    /// Llama (Touvron et al. 2023) and what was built like it, such as SmolLM2.
    static let llama = LlamaVariant(
        name: "llama", className: "LlamaForCausalLM", contextLength: 2048,
        biases: { settings in
            let attention = try settings.bool(ifPresent: "attention_bias") == true
            let mlp = try settings.bool(ifPresent: "mlp_bias") == true
            return LlamaVariant.Biases(
                queryKeyValue: attention ? .required : .none, attentionOutput: attention ? .required : .none,
                mlp: mlp ? .required : .none)
        },
        windows: { settings, layers in
            // transformers' Llama attends to everything whatever these say.
            if try settings.bool(ifPresent: "use_sliding_window") != false,
                let window = try settings.integer(ifPresent: "sliding_window", in: LlamaConfiguration.extents)
            {
                throw ModelError.unsupportedSetting(
                    key: "sliding_window", value: "\(window)", meaning: "a sliding window, which a Llama model does not have")
            }
            return try LlamaVariant.uniform(window: nil, settings, layers: layers)
        },
        gguf: LlamaVariant.GGUFForm(
            interleavesPairs: true,
            biases: { LlamaVariant.Biases(queryKeyValue: .ifStored, attentionOutput: .ifStored, mlp: .ifStored) })
    ).architecture
}
