/// What GGUF files call the tensors of a decoder.
struct GGUFTensorNames: Sendable {
    /// What stands before the number of a block in the model's own names.
    var blocks = "model.layers"
    /// The modules of a block.
    var block: [String: String]
    /// The modules around the blocks.
    var top = ["model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"]

    /// The modules of Llama's block, which many share.
    static let llama = GGUFTensorNames(block: [
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ])

    /// Llama's, with norms before and behind attention and MLP.
    static let normedTwice = GGUFTensorNames(
        block: llama.block.merging([
            "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
            "post_feedforward_layernorm": "post_ffw_norm",
        ]) { $1 })

    /// The name of a tensor in the file.
    func stored(_ name: String) throws -> String {
        guard let dot = name.lastIndex(of: ".") else { throw ModelError.missingTensor(name) }
        let (module, part) = (String(name[..<dot]), name[name.index(after: dot)...])
        if let top = top[module] { return "\(top).\(part)" }
        let path = module.dropFirst(blocks.count + 1).split(separator: ".", maxSplits: 1)
        guard module.hasPrefix(blocks + "."), path.count == 2, let block = block[String(path[1])] else {
            throw ModelError.missingTensor(name)
        }
        return "blk.\(path[0]).\(block).\(part)"
    }
}
