import Foundation
import ModelFiles
import Tensors
import TestSupport

/// A model of eight tokens that says B after A, token 3 after B, and C after that and ever after.
///
/// Attention and MLP are zero, the embedding is the identity, and the output projection has a 1 from each token to the next.
enum SuccessorModel {
    static let size = 8
    static let next = [0: 1, 1: 2, 2: 3, 3: 4, 4: 4]

    /// Under Hugging Face's names.
    static var tensors: [SafetensorsWriter.Entry] {
        func matrix(_ name: String, _ elements: [Float]) -> SafetensorsWriter.Entry {
            SafetensorsWriter.Entry(name: name, shape: [size, size], floats: elements)
        }
        func gain(_ name: String) -> SafetensorsWriter.Entry {
            SafetensorsWriter.Entry(name: name, shape: [size], floats: [Float](repeating: 1, count: size))
        }
        var identity = [Float](repeating: 0, count: size * size)
        for index in 0..<size { identity[index * size + index] = 1 }
        var head = [Float](repeating: 0, count: size * size)
        for (token, following) in next { head[following * size + token] = 1 }
        let projections = [
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
        ]
        return [matrix("model.embed_tokens.weight", identity), matrix("lm_head.weight", head), gain("model.norm.weight")]
            + projections.map { matrix("model.layers.0.\($0).weight", [Float](repeating: 0, count: size * size)) }
            + ["input_layernorm", "post_attention_layernorm"].map { gain("model.layers.0.\($0).weight") }
    }

    static var config: [String: Any] {
        [
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": size, "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "intermediate_size": size, "vocab_size": size, "max_position_embeddings": 64,
        ]
    }

    static let texts = ["<|endoftext|>", "A", "B", "<stop>", "C", "D", "E", "F"]

    /// Calls `body` with a folder that holds the model, its tokenizer, and these files beside them.
    static func withFolder<T>(
        config changes: [String: Any] = [:], added: [String] = [], files: [String: [String: Any]] = [:], _ body: (URL) throws -> T
    ) throws -> T {
        let config = config.merging(changes) { _, new in new }
        return try SettingsFolder.with(config: SettingsFolder.text(config), tensors: tensors) { path in
            let special: [[String: Any]] = [0, 3].map { addedToken($0, texts[$0], special: true) }
            let tokenizer: [String: Any] = [
                "model": [
                    "type": "BPE", "vocab": Dictionary(uniqueKeysWithValues: [1, 2, 4, 5, 6, 7].map { (texts[$0], $0) }), "merges": [],
                ] as [String: Any],
                "added_tokens": special + added.enumerated().map { addedToken(size + $0.offset, $0.element, special: false) },
                "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true] as [String: Any],
                "decoder": ["type": "ByteLevel"],
            ]
            for (name, object) in files.merging(["tokenizer.json": tokenizer], uniquingKeysWith: { first, _ in first }) {
                try JSONSerialization.data(withJSONObject: object).write(to: URL(filePath: path + "/" + name))
            }
            return try body(URL(filePath: path))
        }
    }

    private static func addedToken(_ number: Int, _ text: String, special: Bool) -> [String: Any] {
        ["id": number, "content": text, "special": special, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false]
    }

    /// The model as a GGUF file, without tokens that end a text.
    static func gguf(texts: [String] = texts) -> GGUFBuilder {
        var builder = GGUFBuilder()
        builder.add("general.architecture", "llama")
        let sizes = [
            ("block_count", 1), ("embedding_length", size), ("feed_forward_length", size), ("attention.head_count", 1),
            ("context_length", 64),
        ]
        for (key, value) in sizes { builder.add("llama.\(key)", 4, GGUFBuilder.bytes(UInt32(value))) }
        builder.add("llama.attention.layer_norm_rms_epsilon", 6, GGUFBuilder.bytes(Float(1e-6).bitPattern))
        builder.add("tokenizer.ggml.model", "gpt2")
        builder.add("tokenizer.ggml.pre", "gpt-2")
        builder.add("tokenizer.ggml.tokens", 9, GGUFBuilder.strings(texts))
        builder.add("tokenizer.ggml.merges", 9, GGUFBuilder.strings([]))
        let names = [
            "model.embed_tokens": "token_embd", "lm_head": "output", "model.norm": "output_norm",
            "self_attn.q_proj": "blk.0.attn_q", "self_attn.k_proj": "blk.0.attn_k", "self_attn.v_proj": "blk.0.attn_v",
            "self_attn.o_proj": "blk.0.attn_output", "mlp.gate_proj": "blk.0.ffn_gate", "mlp.up_proj": "blk.0.ffn_up",
            "mlp.down_proj": "blk.0.ffn_down", "input_layernorm": "blk.0.attn_norm", "post_attention_layernorm": "blk.0.ffn_norm",
        ]
        for tensor in tensors {
            let name = names[tensor.name.replacing("model.layers.0.", with: "").replacing(".weight", with: "")]!
            builder.add(tensor: name + ".weight", tensor.shape.dimensions.reversed().map(UInt64.init), type: 0, tensor.bytes)
        }
        return builder
    }

    /// Calls `body` with a file of these bytes.
    static func withFile<T>(_ builder: GGUFBuilder, _ body: (URL) throws -> T) throws -> T {
        try withTemporaryFolder { folder in
            let url = URL(filePath: folder + "/successor.gguf")
            try Data(builder.bytes).write(to: url)
            return try body(url)
        }
    }
}
