import Tensors

extension LanguageArchitecture {
    /// GPT-2 (Radford et al. 2019): learnt positions, norms with means before attention and before an MLP, biases everywhere.
    static let gpt2 = DecoderFamily(
        name: "gpt2", className: "GPT2LMHeadModel",
        folder: { settings in
            let hidden = try settings.integer("n_embd", in: DecoderConfiguration.extents)
            let layers = try settings.integer("n_layer", in: DecoderConfiguration.layerCounts)
            let heads = try settings.integer("n_head", in: DecoderConfiguration.extents)
            let inner = try settings.integer(ifPresent: "n_inner", in: DecoderConfiguration.extents) ?? 4 * hidden
            return DecoderConfiguration(
                architecture: "gpt2", layers: layers, hidden: hidden, heads: heads, keyHeads: heads, headChannels: hidden / heads,
                intermediate: inner, vocabulary: try settings.integer("vocab_size", in: DecoderConfiguration.extents),
                contextLength: try settings.integer(ifPresent: "n_positions", in: DecoderConfiguration.extents) ?? 1024,
                normEpsilon: try settings.number(ifPresent: "layer_norm_epsilon", in: 0...1) ?? 1e-5,
                rotary: .init(repeating: nil, count: layers), windows: .init(repeating: nil, count: layers),
                activation: try FolderSettings.activation(
                    settings, "activation_function", silent: "gelu_new",
                    ["gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu": .gelu, "relu": .relu]),
                tiesEmbedding: try settings.bool(ifPresent: "tie_word_embeddings") ?? true)
        },
        // Its linear layers are convolutions of one pixel, whose weights have the inputs first.
        folderForm: { name in
            [".c_attn.weight", ".c_proj.weight", ".c_fc.weight"].contains(where: name.hasSuffix) ? .transposed : .plain
        },
        // Older folders hold the model without its head, and with it the masks of attention.
        folderAlias: { $0.hasPrefix("transformer.") ? String($0.dropFirst("transformer.".count)) : nil },
        folderIgnores: { $0.hasSuffix(".attn.bias") || $0.hasSuffix(".attn.masked_bias") },
        gguf: DecoderFamily.GGUFForm(names: .gpt2) { settings in
            var c = try DecoderConfiguration(settings, epsilonKey: "attention.layer_norm_epsilon")
            c.rotary = .init(repeating: nil, count: c.layers)
            c.activation = .geluTanh
            return c
        },
        build: { c, m in
            let transformer = m["transformer"]
            var embedding = try TokenEmbedding(c, transformer["wte"])
            embedding.positions = (
                try transformer["wpe"].table(rows: c.contextLength, columns: c.hidden), transformer["wpe"].site(c.hidden)
            )
            return DecoderParts(
                embedding: embedding, blocks: try (0..<c.layers).map { try .gpt2(c, transformer["h.\($0)"], layer: $0) },
                norm: try transformer.layerNorm("ln_f", c.hidden))
        }
    ).architecture
}

extension DecoderBlock {
    fileprivate static func gpt2(_ c: DecoderConfiguration, _ m: LayerLoader, layer: Int) throws -> DecoderBlock {
        let (attention, mlp) = (m["attn"], m["mlp"])
        return DecoderBlock(
            beforeAttention: try m.layerNorm("ln_1", c.hidden),
            attention: try CausalAttention(
                c, attention, layer: layer,
                input: .joined(
                    try attention.joinedProjection("c_attn", inputs: c.hidden, outputs: [c.hidden, c.hidden, c.hidden], bias: .required)),
                output: "c_proj", outputBias: .required),
            beforeFeedForward: try m.layerNorm("ln_2", c.hidden),
            feedForward: PlainMLP(
                up: try mlp.projection("c_fc", inputs: c.hidden, outputs: c.intermediate, bias: .required),
                down: try mlp.projection("c_proj", inputs: c.intermediate, outputs: c.hidden, bias: .required), activation: c.activation),
            outputSite: m.site(c.hidden))
    }
}

extension GGUFTensorNames {
    fileprivate static let gpt2 = GGUFTensorNames(
        blocks: "transformer.h",
        block: [
            "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up",
            "mlp.c_proj": "ffn_down",
        ],
        top: ["transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm", "lm_head": "output"])
}
