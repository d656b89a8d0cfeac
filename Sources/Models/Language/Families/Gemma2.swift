import Tensors

extension LanguageArchitecture {
    /// Gemma 2 (Gemma Team 2024): norms before and behind attention and MLP, soft caps on attention's scores and on the logits, and a window
    /// on every other layer.
    static let gemma2 = DecoderFamily(
        name: "gemma2", className: "Gemma2ForCausalLM",
        folder: { settings in
            var c = try DecoderConfiguration(settings, family: "gemma2", .gemma(contextLength: 8192, rotaryBase: 10000))
            let window = try LayerTypes.window(settings, silent: 4096)
            c.windows = try LayerTypes.windows(window, settings, layers: c.layers) { $0 % 2 == 0 }
            try c.readGemma(settings)
            c.attentionSoftCap = try FolderSettings.softCap(settings, "attn_logit_softcapping", silent: 50)
            c.logitSoftCap = try FolderSettings.softCap(settings, "final_logit_softcapping", silent: 30)
            return c
        },
        folderForm: DecoderFamily.gemmaFolderForm,
        gguf: DecoderFamily.GGUFForm(names: .normedTwice) { settings in
            var c = try DecoderConfiguration(settings, window: 4096, period: 2)
            c.attentionSoftCap = try settings.softCap("attn_logit_softcapping", silent: 50)
            // The model of 46 layers divides by √(hidden / heads), which its files do not say.
            c.readGemma(dividesByHidden: c.layers == 46)
            c.logitSoftCap = try settings.softCap("final_logit_softcapping", silent: 30)
            return c
        },
        build: { c, m in
            // The model multiplies what the module gives out.
            try DecoderParts(c, m, embeddingScale: (Float(c.hidden).squareRoot(), isBeforeSite: false)) { try .gemma(c, $0, layer: $1) }
        }
    ).architecture
}

// MARK: What Gemma 2 and 3 share

extension DecoderBlock {
    /// Gemma's block: norms before and behind rotary attention and a gated MLP.
    static func gemma(
        _ c: DecoderConfiguration, _ m: LayerLoader, layer: Int, norms: CausalAttention.NormKind = .none
    ) throws -> DecoderBlock {
        DecoderBlock(
            beforeAttention: try m.rmsNorm("input_layernorm", c.hidden),
            attention: try CausalAttention(c, m["self_attn"], layer: layer, norms: norms),
            behindAttention: try m.rmsNorm("post_attention_layernorm", c.hidden),
            beforeFeedForward: try m.rmsNorm("pre_feedforward_layernorm", c.hidden),
            feedForward: try GatedMLP(c, m["mlp"]),
            behindFeedForward: try m.rmsNorm("post_feedforward_layernorm", c.hidden),
            outputSite: m.site(c.hidden))
    }
}

extension DecoderFamily {
    /// Gains are learnt from 0, and GGUF files hold them with the 1.
    static let gemmaFolderForm: @Sendable (String) -> StoredForm = { $0.hasSuffix("norm.weight") ? .lessOne : .plain }
}

extension FolderDefaults {
    static func gemma(contextLength: Int, rotaryBase: Float) -> FolderDefaults {
        FolderDefaults(
            keyHeads: 4, headChannels: 256, contextLength: contextLength, rotaryBase: rotaryBase, tiesEmbedding: true,
            activationKey: "hidden_activation", activations: ["gelu_pytorch_tanh": .geluTanh, "gelu_new": .geluTanh],
            activation: "gelu_pytorch_tanh")
    }
}

extension DecoderConfiguration {
    mutating func readGemma(_ settings: SettingsReader) throws {
        try readAttentionBias(settings)
        attentionScale = 1 / (try settings.number(ifPresent: "query_pre_attn_scalar", in: Self.magnitudes) ?? 256).squareRoot()
    }

    /// - Parameter dividesByHidden: Whether scores are divided by √(hidden / heads), and not by √(head channels).
    mutating func readGemma(dividesByHidden: Bool) {
        activation = .geluTanh
        if dividesByHidden { attentionScale = 1 / Float(hidden / heads).squareRoot() }
    }
}
