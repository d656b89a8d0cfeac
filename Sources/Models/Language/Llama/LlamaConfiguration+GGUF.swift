import ModelFiles

extension LlamaConfiguration {
    /// Reads the metadata of a GGUF file as llama.cpp does (the keys of ggml's GGUF specification).
    ///
    /// Every key under the architecture's name is obeyed, known to change nothing, or refused by name.
    init(_ file: GGUFFile, _ variant: LlamaVariant, _ form: LlamaVariant.GGUFForm) throws {
        let settings = SettingsReader(file, architecture: variant.name)
        let hidden = try settings.integer("embedding_length", in: Self.extents)
        let layers = try settings.integer("block_count", in: Self.layerCounts)
        guard let heads = try settings.uniformInteger(ifPresent: "attention.head_count", layers: layers, in: Self.extents),
            let intermediate = try settings.uniformInteger(ifPresent: "feed_forward_length", layers: layers, in: Self.extents)
        else {
            throw ModelError.invalidConfiguration("it lacks \(variant.name).attention.head_count or \(variant.name).feed_forward_length")
        }
        let keyHeads = try settings.uniformInteger(ifPresent: "attention.head_count_kv", layers: layers, in: Self.extents) ?? heads
        let headChannels = try settings.integer(ifPresent: "attention.key_length", in: Self.headSizes) ?? hidden / heads
        let valueChannels = try settings.integer(ifPresent: "attention.value_length", in: Self.extents) ?? hidden / heads
        guard valueChannels == headChannels else {
            throw ModelError.unsupported(
                "keys have \(headChannels) channels and values \(valueChannels); Monge runs models with as many of both")
        }
        let context = try settings.integer("context_length", in: Self.extents)
        if let rotated = try settings.integer(ifPresent: "rope.dimension_count", in: 0...Self.extents.upperBound), rotated != headChannels {
            throw ModelError.unsupported("the model turns \(rotated) of \(headChannels) channels a head; Monge turns all of them")
        }
        let biases = form.biases()
        let rotary = try Self.rotary(file, settings, channels: headChannels, contextLength: context)
        self.init(
            architecture: variant.name, layers: layers, hidden: hidden, heads: heads, keyHeads: keyHeads, headChannels: headChannels,
            intermediate: intermediate, vocabulary: try file.tensor("token_embd.weight").shape.dimensions.first ?? 0,
            contextLength: context, normEpsilon: try settings.number("attention.layer_norm_rms_epsilon", in: 0...1), rotary: rotary,
            windows: try Self.windows(file, settings, variant, layers: layers), queryKeyValueBias: biases.queryKeyValue,
            attentionOutputBias: biases.attentionOutput, mlpBias: biases.mlp, tiesEmbedding: true)
        settings.ignore(Self.harmless)
        try settings.refuse(Self.neutral)
        try settings.finish()
    }

    /// Keys that change nothing: the embedding says how many tokens there are; the layout of tensors is that of the architecture; whether a
    /// model was trained on after its positions were stretched.
    private static let harmless = ["vocab_size", "tensor_data_layout", "rope.scaling.finetuned"]

    private static let neutral: [NeutralSetting] = [
        .number("expert_count", 0, meaning: "a mixture of experts"),
        .number("expert_used_count", 0, meaning: "a mixture of experts"),
        .bool("attention.causal", true, "attention that is not causal"),
        .number("attention.scale", 0, meaning: "a scale of attention's scores"),
        .number("attention.clamp_kqv", 0, meaning: "a limit on queries, keys and values"),
        .number("attention.max_alibi_bias", 0, meaning: "positions as biases of attention"),
        .number("attn_logit_softcapping", 0, meaning: "a soft cap of attention's scores"),
        .number("final_logit_softcapping", 0, meaning: "a soft cap of the logits"),
        .number("logit_scale", 0, 1, meaning: "a scale of the logits"),
        .number("residual_scale", 0, 1, meaning: "a factor on what layers add"),
        .number("embedding_scale", 0, 1, meaning: "a factor on the embedding"),
        .bool("use_parallel_residual", false, "attention and MLP side by side"),
        .number("pooling_type", 0, meaning: "the model makes embeddings of texts"),
        .number("rope.scaling.alpha", 0, meaning: "a rotary scaling that Monge does not know"),
        .number("rope.scaling.yarn_ext_factor", 1, meaning: "a share of yarn"),
        .number("rope.scaling.yarn_attn_factor", 1, meaning: "a factor on attention's scores"),
        .number("rope.scaling.yarn_log_multiplier", 0, meaning: "a factor on attention's scores"),
        .number("nextn_predict_layers", 0, meaning: "layers that predict further tokens"),
    ]

    /// The rotary positions: the base, a scaling of all frequencies, and factors in a tensor, which multiply.
    private static func rotary(
        _ file: GGUFFile, _ settings: SettingsReader, channels: Int, contextLength: Int
    ) throws -> RotaryPosition {
        let base = try settings.number(ifPresent: "rope.freq_base", in: Float.leastNormalMagnitude...1e30) ?? 10000
        // Zero stands for no scaling in llama.cpp, and the older key counts when the newer is not there.
        let stretches = 0...FolderSettings.factors.upperBound
        let older = try settings.number(ifPresent: "rope.scale_linear", in: stretches)
        let stretch = Double(try settings.number(ifPresent: "rope.scaling.factor", in: stretches) ?? older ?? 0)
        let original = try settings.integer(ifPresent: "rope.scaling.original_context_length", in: extents) ?? contextLength
        let fast = Double(try settings.number(ifPresent: "rope.scaling.yarn_beta_fast", in: FolderSettings.factors) ?? 32)
        let slow = Double(try settings.number(ifPresent: "rope.scaling.yarn_beta_slow", in: FolderSettings.factors) ?? 1)
        var attentionFactor = Double(try settings.number(ifPresent: "rope.scaling.attn_factor", in: FolderSettings.factors) ?? 1)
        var scaling: RotaryScaling?
        // A factor without a type is linear.
        switch try settings.string(ifPresent: "rope.scaling.type") ?? "linear" {
        case "none": break
        case "linear": if stretch > 0, stretch != 1 { scaling = .linear(factor: stretch) }
        case "yarn":
            guard base > 1 else { throw ModelError.invalidConfiguration("rope.freq_base is \(base); yarn needs more than 1") }
            let factor = stretch > 0 ? stretch : 1
            scaling = .yarn(factor: factor, fast: fast, slow: slow, original: Double(original), truncates: true)
            attentionFactor *= RotaryScaling.yarnAttention(factor: factor)
        case let other:
            throw ModelError.unsupportedSetting(key: "rope.scaling.type", value: "'\(other)'", meaning: "Monge knows none, linear and yarn")
        }
        var factors = scaling?.factors(base: Double(base), channels: channels)
        if file.contains(tensor: frequencies) {
            let tensor = StoredWeight(try file.tensor(frequencies))
            guard tensor.shape == [channels / 2] else {
                throw ModelError.wrongShape(name: frequencies, found: tensor.shape, expected: [channels / 2])
            }
            let stored = try tensor.floats(name: frequencies).map(Double.init)
            factors = factors.map { zip($0, stored).map(*) } ?? stored
        }
        return RotaryPosition(base: base, frequencyFactors: factors?.map { Float($0) }, attentionFactor: Float(attentionFactor))
    }

    /// The tensor with factors of the rotary frequencies.
    static let frequencies = "rope_freqs.weight"

    /// The window on every layer, or on those that a pattern names: one truth value a layer, or a period n whose last layer has none.
    private static func windows(
        _ file: GGUFFile, _ settings: SettingsReader, _ variant: LlamaVariant, layers: Int
    ) throws -> [Int?] {
        let stated = try settings.integer(ifPresent: "attention.sliding_window", in: 0...extents.upperBound)
        let window = stated.flatMap { $0 > 0 ? $0 : nil }
        let key = "attention.sliding_window_pattern"
        guard window != nil, settings.contains(key) else {
            settings.ignore([key])
            return [Int?](repeating: window, count: layers)
        }
        if let pattern = file.value("\(variant.name).\(key)")?.array?.bools {
            settings.ignore([key])
            guard pattern.count == layers else {
                throw ModelError.invalidConfiguration("\(variant.name).\(key) names \(pattern.count) layers of \(layers)")
            }
            return pattern.map { $0 ? window : nil }
        }
        let period = try settings.integer(key, in: 1...layerCounts.upperBound)
        return (0..<layers).map { period == 1 || $0 % period < period - 1 ? window : nil }
    }
}

extension FileWeights {
    /// Llama's tensors in a GGUF file.
    convenience init(_ file: GGUFFile, _ configuration: LlamaConfiguration, _ form: LlamaVariant.GGUFForm) {
        self.init(
            file, storedName: LlamaGGUFNames.stored,
            // The rows are put back, so that neurons have the same numbers whatever file a model came from.
            pairedHeads: { name in
                guard form.interleavesPairs, name.contains("self_attn.") else { return nil }
                return name.contains("q_proj") ? configuration.heads : name.contains("k_proj") ? configuration.keyHeads : nil
            })
        // Read with the settings.
        ignore([LlamaConfiguration.frequencies])
    }
}

/// What GGUF files call the tensors of a Llama.
private enum LlamaGGUFNames {
    private static let block = [
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ]

    private static let top = [
        "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight",
    ]

    static func stored(_ name: String) throws -> String {
        if let top = top[name] { return top }
        let parts = name.split(separator: ".")
        let module = parts.dropFirst(3).dropLast().joined(separator: ".")
        guard name.hasPrefix("model.layers."), let block = block[module] else { throw ModelError.missingTensor(name) }
        return "blk.\(parts[2]).\(block).\(parts.last!)"
    }
}
