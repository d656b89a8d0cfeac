import ModelFiles

extension LlamaConfiguration {
    /// Reads `config.json` as the configuration classes of Hugging Face transformers do (`LlamaConfig`, `MistralConfig`, `Qwen2Config`).
    ///
    /// Every setting that changes what these models compute is obeyed or refused by name. What these classes do not know changes nothing in
    /// transformers, and is refused only where it says that the folder holds another kind of model (``FolderSettings/neutral``).
    init(_ folder: HuggingFaceFolder, _ variant: LlamaVariant) throws {
        let settings = SettingsReader(folder.config)
        let activation = try settings.string(ifPresent: "hidden_act") ?? "silu"
        // Two names of one function.
        guard ["silu", "swish"].contains(activation) else {
            throw ModelError.unsupportedSetting(
                key: "hidden_act", value: "'\(activation)'", meaning: "the activation of a Llama-family model is silu")
        }
        let hidden = try settings.integer("hidden_size", in: Self.extents)
        let heads = try settings.integer("num_attention_heads", in: Self.extents)
        let headChannels = try settings.integer(ifPresent: "head_dim", in: Self.headSizes) ?? hidden / heads
        let layers = try settings.integer("num_hidden_layers", in: Self.layerCounts)
        let statedKeyHeads = try settings.integer(ifPresent: "num_key_value_heads", in: Self.extents)
        let silentKeyHeads = settings.isNull("num_key_value_heads") ? nil : variant.keyHeads
        let context = try settings.integer(ifPresent: "max_position_embeddings", in: Self.extents) ?? variant.contextLength
        let biases = try variant.biases(settings)
        self.init(
            architecture: variant.name, layers: layers, hidden: hidden, heads: heads, keyHeads: statedKeyHeads ?? silentKeyHeads ?? heads,
            headChannels: headChannels, intermediate: try settings.integer("intermediate_size", in: Self.extents),
            vocabulary: try settings.integer("vocab_size", in: Self.extents), contextLength: context,
            normEpsilon: try settings.number(ifPresent: "rms_norm_eps", in: 0...1) ?? 1e-6,
            rotary: try FolderSettings.rotary(settings, channels: headChannels, contextLength: context),
            windows: try variant.windows(settings, layers), queryKeyValueBias: biases.queryKeyValue,
            attentionOutputBias: biases.attentionOutput, mlpBias: biases.mlp,
            tiesEmbedding: try settings.bool(ifPresent: "tie_word_embeddings") ?? false)
        try settings.refuse(variant.neutral + FolderSettings.neutral)
    }
}
