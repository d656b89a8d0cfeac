import ModelFiles

/// Names of modules, taken apart at their points.
private struct ModuleName {
    var parts: [String]

    init(_ name: String) { parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init) }

    subscript(index: Int) -> String { parts.indices.contains(index) ? parts[index] : "" }
    func number(_ index: Int) -> Int? { Int(self[index]) }
    func rest(from index: Int) -> String { parts.dropFirst(index).joined(separator: ".") }
}

extension String {
    /// With what it begins with replaced, for the first of some pairs that fits; nil when none does.
    fileprivate func replacingBeginning(_ pairs: [(String, String)]) -> String? {
        for (old, new) in pairs where self == old || hasPrefix(old + ".") { return new + dropFirst(old.count) }
        return nil
    }
}

/// The names of a UNet in the files of CompVis and Stability AI (`ldm.modules.diffusionmodules.openaimodel`).
enum OriginalUNet {
    private static let top = [
        ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
        ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"), ("conv_in", "input_blocks.0.0"),
        ("conv_norm_out", "out.0"), ("conv_out", "out.2"),
    ]
    private static let resnet = [
        ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"), ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection"),
    ]

    /// - Parameter layers: The residual blocks of a level on the way down; the way up has one more.
    static func part(_ name: String, layers: Int) -> StoredPart? {
        if let known = name.replacingBeginning(top) { return StoredPart(name: known) }
        let module = ModuleName(name)
        switch module[0] {
        case "down_blocks":
            guard let level = module.number(1), let index = module.number(3) else { return nil }
            let block = 1 + level * (layers + 1) + index
            if module[2] == "downsamplers" {
                return module[4] == "conv"
                    ? StoredPart(name: "input_blocks.\((level + 1) * (layers + 1)).0.op.\(module.rest(from: 5))") : nil
            }
            return within("input_blocks.\(block)", module)
        case "up_blocks":
            guard let level = module.number(1), let index = module.number(3) else { return nil }
            if module[2] == "upsamplers" {
                return StoredPart(name: "output_blocks.\(level * (layers + 1) + layers).*.\(module.rest(from: 4))")
            }
            return within("output_blocks.\(level * (layers + 1) + index)", module)
        case "mid_block":
            guard let index = module.number(2) else { return nil }
            if module[1] == "attentions" { return StoredPart(name: "middle_block.1.\(module.rest(from: 3))") }
            return module.rest(from: 3).replacingBeginning(resnet).map { StoredPart(name: "middle_block.\(2 * index).\($0)") }
        default: return nil
        }
    }

    private static func within(_ block: String, _ module: ModuleName) -> StoredPart? {
        switch module[2] {
        case "resnets": module.rest(from: 4).replacingBeginning(resnet).map { StoredPart(name: "\(block).0.\($0)") }
        case "attentions": StoredPart(name: "\(block).1.\(module.rest(from: 4))")
        default: nil
        }
    }
}

/// The names of an autoencoder in the files of CompVis, Stability AI and Black Forest Labs.
enum OriginalAutoencoder {
    private static let attention = [
        ("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"), ("query", "q"), ("key", "k"),
        ("value", "v"), ("proj_attn", "proj_out"),
    ]

    /// - Parameter levels: Of the autoencoder; the decoder's are counted from the other end.
    static func part(_ name: String, levels: Int) -> StoredPart? {
        let module = ModuleName(name)
        let side = module[0]
        guard side == "encoder" || side == "decoder" else { return side.hasSuffix("quant_conv") ? StoredPart(name: name) : nil }
        func resnet(_ place: String, _ rest: String) -> StoredPart {
            StoredPart(name: "\(place).\(rest.replacingBeginning([("conv_shortcut", "nin_shortcut")]) ?? rest)")
        }
        switch module[1] {
        case "conv_in", "conv_out": return StoredPart(name: name)
        case "conv_norm_out": return StoredPart(name: "\(side).norm_out.\(module.rest(from: 2))")
        case "mid_block":
            guard let index = module.number(3) else { return nil }
            if module[2] == "resnets" { return resnet("\(side).mid.block_\(index + 1)", module.rest(from: 4)) }
            return module.rest(from: 4).replacingBeginning(attention).map { StoredPart(name: "\(side).mid.attn_\(index + 1).\($0)") }
        case "down_blocks", "up_blocks":
            guard let level = module.number(2), let index = module.number(4) else { return nil }
            let place = module[1] == "down_blocks" ? "\(side).down.\(level)" : "\(side).up.\(levels - 1 - level)"
            switch module[3] {
            case "resnets": return resnet("\(place).block.\(index)", module.rest(from: 5))
            case "downsamplers": return StoredPart(name: "\(place).downsample.\(module.rest(from: 5))")
            case "upsamplers": return StoredPart(name: "\(place).upsample.\(module.rest(from: 5))")
            default: return nil
            }
        default: return nil
        }
    }
}

/// The names of OpenCLIP's text encoders, whose attention has one projection for queries, keys and values.
enum OpenCLIP {
    private static let layer = [
        ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
        ("self_attn.out_proj", "attn.out_proj"),
    ]
    private static let projections = ["q_proj": 0, "k_proj": 1, "v_proj": 2]

    static func part(_ name: String) -> StoredPart? {
        switch name {
        case "text_model.embeddings.token_embedding.weight": return StoredPart(name: "token_embedding.weight")
        case "text_model.embeddings.position_embedding.weight": return StoredPart(name: "positional_embedding")
        case "text_projection.weight": return StoredPart(name: "text_projection", arrangement: .transposed)
        default: break
        }
        if let known = name.replacingBeginning([("text_model.final_layer_norm", "ln_final")]) { return StoredPart(name: known) }
        let module = ModuleName(name)
        guard module[0] == "text_model", module[1] == "encoder", module[2] == "layers", let index = module.number(3) else { return nil }
        let place = "transformer.resblocks.\(index)"
        if module[4] == "self_attn", let third = projections[module[5]] {
            return StoredPart(name: "\(place).attn.in_proj_\(module[6])", arrangement: .rows(third..<third + 1, of: 3))
        }
        return module.rest(from: 4).replacingBeginning(layer).map { StoredPart(name: "\(place).\($0)") }
    }
}

/// The names of T5's encoder in the GGUF files of llama.cpp.
enum GGUFTextEncoder {
    private static let layer = [
        ("layer.0.SelfAttention.q", "attn_q"), ("layer.0.SelfAttention.k", "attn_k"), ("layer.0.SelfAttention.v", "attn_v"),
        ("layer.0.SelfAttention.o", "attn_o"), ("layer.0.SelfAttention.relative_attention_bias", "attn_rel_b"),
        ("layer.0.layer_norm", "attn_norm"), ("layer.1.layer_norm", "ffn_norm"), ("layer.1.DenseReluDense.wi_0", "ffn_gate"),
        ("layer.1.DenseReluDense.wi_1", "ffn_up"), ("layer.1.DenseReluDense.wi", "ffn_up"), ("layer.1.DenseReluDense.wo", "ffn_down"),
    ]

    static func part(_ name: String) -> StoredPart? {
        if name == "shared.weight" { return StoredPart(name: "token_embd.weight") }
        if name == "encoder.final_layer_norm.weight" { return StoredPart(name: "enc.output_norm.weight") }
        let module = ModuleName(name)
        guard module[0] == "encoder", module[1] == "block", let index = module.number(2) else { return nil }
        return module.rest(from: 3).replacingBeginning(layer).map { StoredPart(name: "enc.blk.\(index).\($0)") }
    }
}

/// The names of FLUX's transformer in the files of Black Forest Labs.
enum OriginalFlux {
    private static let top = [
        ("x_embedder", "img_in"), ("context_embedder", "txt_in"), ("time_text_embed.timestep_embedder.linear_1", "time_in.in_layer"),
        ("time_text_embed.timestep_embedder.linear_2", "time_in.out_layer"),
        ("time_text_embed.guidance_embedder.linear_1", "guidance_in.in_layer"),
        ("time_text_embed.guidance_embedder.linear_2", "guidance_in.out_layer"),
        ("time_text_embed.text_embedder.linear_1", "vector_in.in_layer"),
        ("time_text_embed.text_embedder.linear_2", "vector_in.out_layer"), ("proj_out", "final_layer.linear"),
    ]
    private static let double = [
        ("norm1.linear", "img_mod.lin"), ("norm1_context.linear", "txt_mod.lin"), ("attn.to_out.0", "img_attn.proj"),
        ("attn.to_add_out", "txt_attn.proj"), ("ff.net.0.proj", "img_mlp.0"), ("ff.net.2", "img_mlp.2"),
        ("ff_context.net.0.proj", "txt_mlp.0"), ("ff_context.net.2", "txt_mlp.2"),
    ]
    private static let doubleNorms = [
        "norm_q": "img_attn.norm.query_norm", "norm_k": "img_attn.norm.key_norm", "norm_added_q": "txt_attn.norm.query_norm",
        "norm_added_k": "txt_attn.norm.key_norm",
    ]
    private static let doubleProjections = [
        "to_q": ("img_attn.qkv", 0), "to_k": ("img_attn.qkv", 1), "to_v": ("img_attn.qkv", 2), "add_q_proj": ("txt_attn.qkv", 0),
        "add_k_proj": ("txt_attn.qkv", 1), "add_v_proj": ("txt_attn.qkv", 2),
    ]
    private static let single = [("norm.linear", "modulation.lin"), ("proj_out", "linear2")]
    private static let singleNorms = ["norm_q": "norm.query_norm", "norm_k": "norm.key_norm"]
    /// Queries, keys and values, then an MLP of four times their width.
    private static let singleProjections = ["to_q": 0..<1, "to_k": 1..<2, "to_v": 2..<3]

    static func part(_ name: String) -> StoredPart? {
        if let known = name.replacingBeginning(top) { return StoredPart(name: known) }
        let module = ModuleName(name)
        let kind = module.parts.last ?? ""
        if name.hasPrefix("norm_out.linear.") {
            // Shift and scale are in another order there.
            return StoredPart(name: "final_layer.adaLN_modulation.1.\(kind)", arrangement: .exchangedHalves)
        }
        guard let index = module.number(1) else { return nil }
        let rest = module.rest(from: 2)
        switch module[0] {
        case "transformer_blocks":
            let place = "double_blocks.\(index)"
            if module[2] == "attn", let norm = doubleNorms[module[3]] { return StoredPart(name: "\(place).\(norm).scale") }
            if module[2] == "attn", let (joint, third) = doubleProjections[module[3]] {
                return StoredPart(name: "\(place).\(joint).\(kind)", arrangement: .rows(third..<third + 1, of: 3))
            }
            return rest.replacingBeginning(double).map { StoredPart(name: "\(place).\($0)") }
        case "single_transformer_blocks":
            let place = "single_blocks.\(index)"
            if module[2] == "attn", let norm = singleNorms[module[3]] { return StoredPart(name: "\(place).\(norm).scale") }
            if module[2] == "attn", let range = singleProjections[module[3]] {
                return StoredPart(name: "\(place).linear1.\(kind)", arrangement: .rows(range, of: 7))
            }
            if module[2] == "proj_mlp" { return StoredPart(name: "\(place).linear1.\(kind)", arrangement: .rows(3..<7, of: 7)) }
            return rest.replacingBeginning(single).map { StoredPart(name: "\(place).\($0)") }
        default: return nil
        }
    }
}
