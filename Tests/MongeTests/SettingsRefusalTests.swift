import CPUBackend
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing

/// What Monge does not obey is refused by name, and numbers that make no sense before anything is computed from them.
@Suite struct SettingsRefusalTests {
    private func message(of load: () throws -> Void) -> String? {
        do {
            try load()
            return nil
        } catch { return "\(error)" }
    }

    private func folder(_ changes: [String: Any], case name: String = "llama", without: [String] = [], extra: [String: String] = [:]) throws
        -> String?
    {
        let plain = try SettingsFolder.plain(name)
        let config = plain.config.merging(changes) { _, new in new }
        let weights = try TestModel.file("settings/weights.safetensors")
        let tensors =
            try SettingsFolder.tensors(plain.tensors.filter { !without.contains($0) })
            + extra.map { try SettingsFolder.tensor($0.value, of: weights, as: $0.key) }
        return try SettingsFolder.with(config: SettingsFolder.text(config), tensors: tensors) { path in
            message { _ = try LanguageModels.load(HuggingFaceFolder(path: path), on: ReferenceBackend()) }
        }
    }

    @Test func settingsOfFolders() throws {
        let huge = 9_223_372_036_854_775_807
        let refused: [(changes: [String: Any], names: String)] = [
            (["hidden_act": "gelu"], "hidden_act is 'gelu'"),
            (["quantization_config": ["bits": 4]], "quantization_config"),
            (["architectures": ["LlamaForSequenceClassification"]], "LlamaForSequenceClassification"),
            (["architectures": ["LlamaModel"]], "LlamaModel"),
            (["model_type": "gemma"], "'gemma'"),
            (["is_encoder_decoder": true], "is_encoder_decoder"),
            (["is_causal": false], "is_causal"),
            (["partial_rotary_factor": 0.5], "partial_rotary_factor"),
            (["rope_interleaved": true], "rope_interleaved"),
            (["attention_multiplier": 0.1], "attention_multiplier"),
            (["residual_multiplier": 0.2], "residual_multiplier"),
            (["embedding_multiplier": 12], "embedding_multiplier"),
            (["logits_scaling": 8.0], "logits_scaling"),
            (["final_logit_softcapping": 30.0], "final_logit_softcapping"),
            (["num_local_experts": 8], "num_local_experts"),
            (["sliding_window": 8], "sliding_window"),
            (["layer_types": ["full_attention", "sliding_attention", "full_attention"]], "layer_types"),
            (["layer_types": ["full_attention"]], "layer_types"),
            (["rope_scaling": ["type": "longrope", "factor": 4]], "'longrope'"),
            (["rope_scaling": ["type": "linear", "rope_type": "yarn", "factor": 4.0]], "both 'yarn' and 'linear'"),
            (["rope_scaling": ["type": "linear", "factor": 0]], "rope_scaling.factor is 0"),
            (["rope_scaling": ["type": "linear", "factor": -4]], "rope_scaling.factor"),
            (["rope_scaling": ["type": "linear"]], "rope_scaling.factor"),
            (["rope_scaling": ["factor": 4.0]], "rope_scaling.factor"),
            (["rope_scaling": ["type": "linear", "factor": 2.0, "mystery": 1]], "rope_scaling.mystery"),
            (["rope_scaling": 4], "rope_scaling is 4"),
            (["rope_theta": 0], "rope_theta"), (["rope_theta": -1e4], "rope_theta"), (["rope_theta": 1e300], "rope_theta"),
            (["hidden_size": "32"], "hidden_size"), (["hidden_size": 32.5], "hidden_size"), (["hidden_size": -32], "hidden_size"),
            (["num_attention_heads": 0], "num_attention_heads"), (["num_key_value_heads": huge], "num_key_value_heads"),
            (["num_hidden_layers": huge], "num_hidden_layers"), (["vocab_size": 0], "vocab_size"), (["head_dim": huge], "head_dim"),
            (["max_position_embeddings": -1], "max_position_embeddings"), (["rms_norm_eps": -1], "rms_norm_eps"),
            // These trapped, before anything was validated.
            (
                ["head_dim": -8, "rope_scaling": ["rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4]],
                "head_dim"
            ),
            (["rope_scaling": ["rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4]], "high_freq_factor"),
        ]
        for (changes, names) in refused {
            let message = try folder(changes)
            #expect(message?.contains(names) == true, "\(changes): \(message ?? "was loaded")")
        }
        // Values that change nothing are no reason to refuse a folder; nor is what transformers does not know.
        let neutral: [String: Any] = [
            "partial_rotary_factor": 1.0, "num_local_experts": 0, "logits_scaling": 1, "is_encoder_decoder": false, "pretraining_tp": 2,
            "rope_interleaved": false, "pruned_heads": [String: Any](), "torch_dtype": "bfloat16", "anything_else": 3,
            "use_sliding_window": false, "sliding_window": 4096,
        ]
        #expect(try folder(neutral) == nil)
    }

    @Test func settingsOfQwen2Folders() throws {
        let refused: [(changes: [String: Any], names: String)] = [
            (["layer_types": ["full_attention", "sliding_attention", "full_attention"], "use_sliding_window": false], "sliding_window"),
            (["layer_types": ["full_attention", "chunked_attention", "full_attention"]], "'chunked_attention'"),
            (["use_sliding_window": true, "sliding_window": 0], "sliding_window"),
            (["max_window_layers": -1], "max_window_layers"), (["mlp_bias": true], "mlp_bias"),
        ]
        for (changes, names) in refused {
            let message = try folder(changes, case: "qwen2")
            #expect(message?.contains(names) == true, "\(changes): \(message ?? "was loaded")")
        }
    }

    @Test func tensorsOfFolders() throws {
        let bias = "model.layers.1.self_attn.q_proj.bias"
        #expect(try folder([:], without: ["lm_head.weight"])?.contains("no tensor lm_head.weight") == true)
        #expect(try folder(["attention_bias": true])?.contains("no tensor model.layers.0.self_attn.q_proj.bias") == true)
        #expect(try folder([:], case: "qwen2", without: [bias])?.contains("no tensor \(bias)") == true)
        #expect(try folder([:], extra: [bias: bias])?.contains(bias) == true)
        let norm = "model.layers.0.self_attn.q_norm.weight"
        #expect(try folder([:], extra: [norm: "model.norm.weight"])?.contains(norm) == true)
        #expect(try folder([:], extra: ["score.weight": "lm_head.weight"])?.contains("score.weight") == true)
        // Frequencies that follow from the settings.
        #expect(try folder([:], extra: ["model.layers.0.self_attn.rotary_emb.inv_freq": "model.norm.weight"]) == nil)
    }

    private func file(_ change: (inout GGUFBuilder) -> Void) throws -> String? {
        var builder = SuccessorModel.gguf()
        change(&builder)
        return message { _ = try LanguageModels.load(GGUFFile(builder.mapped), on: ReferenceBackend()) }
    }

    private static func float(_ value: Float) -> [UInt8] { GGUFBuilder.bytes(value.bitPattern) }

    @Test func settingsOfFiles() throws {
        #expect(try file { _ in } == nil)
        let refused: [(key: String, type: UInt32, value: [UInt8])] = [
            ("llama.attention.scale", 6, Self.float(0.1)), ("llama.attention.causal", 7, [0]), ("llama.logit_scale", 6, Self.float(4)),
            ("llama.expert_count", 4, GGUFBuilder.bytes(UInt32(8))), ("llama.rope.dimension_count", 4, GGUFBuilder.bytes(UInt32(4))),
            ("llama.attention.value_length", 4, GGUFBuilder.bytes(UInt32(4))), ("llama.mystery", 4, GGUFBuilder.bytes(UInt32(0))),
            ("llama.attention.key_length", 10, GGUFBuilder.bytes(UInt64(1) << 40)),
            ("llama.attention.key_length", 4, GGUFBuilder.bytes(UInt32.max)),
            ("llama.attention.key_length", 5, GGUFBuilder.bytes(Int32(-8))),
            ("llama.rope.freq_base", 6, Self.float(.nan)), ("llama.rope.freq_base", 6, Self.float(-1)),
            ("llama.rope.scaling.factor", 6, Self.float(.nan)), ("llama.rope.scale_linear", 6, Self.float(.infinity)),
            ("llama.rope.scaling.type", 8, GGUFBuilder.string("longrope")), ("llama.rope.scaling.alpha", 6, Self.float(1000)),
            ("llama.pooling_type", 4, GGUFBuilder.bytes(UInt32(1))), ("general.type", 8, GGUFBuilder.string("adapter")),
            ("general.type", 8, GGUFBuilder.string("mmproj")), ("general.architecture", 8, GGUFBuilder.string("clip")),
            ("llama.attention.layer_norm_rms_epsilon", 6, Self.float(.nan)), ("llama.block_count", 4, GGUFBuilder.bytes(UInt32(0))),
            ("llama.attention.head_count", 4, GGUFBuilder.bytes(UInt32(0))),
            ("llama.attention.head_count", 9, GGUFBuilder.array(4, [])),
        ]
        for (key, type, value) in refused {
            let message = try file { builder in
                builder.metadata.removeAll { $0.key == key }
                builder.add(key, type, value)
            }
            let names = key.hasPrefix("general") ? String(decoding: value.dropFirst(8), as: UTF8.self) : key
            // Head sizes are told by what they mean.
            let meanings = [
                "llama.rope.scaling.type": "rope.scaling.type", "llama.rope.dimension_count": "turns 4 of 8",
                "llama.attention.value_length": "values 4",
            ]
            #expect(message?.contains(meanings[names] ?? names) == true, "\(key) \(value): \(message ?? "was loaded")")
        }
        // The same number for every layer, and values that change nothing.
        let neutral = try file { builder in
            builder.metadata.removeAll { $0.key == "llama.attention.head_count" }
            builder.add("llama.attention.head_count", 9, GGUFBuilder.array(4, [GGUFBuilder.bytes(UInt32(1))]))
            builder.add("llama.expert_count", 4, GGUFBuilder.bytes(UInt32(0)))
            builder.add("llama.attention.causal", 7, [1])
            builder.add("llama.logit_scale", 6, Self.float(1))
            builder.add("llama.rope.scaling.type", "none")
            builder.add("llama.vocab_size", 4, GGUFBuilder.bytes(UInt32(8)))
            builder.add("general.type", "model")
        }
        #expect(neutral == nil)
    }

    @Test func tensorsOfFiles() throws {
        func rotary(_ factors: [Float]) throws -> String? {
            try file { $0.add(tensor: "rope_freqs.weight", [UInt64(factors.count)], type: 0, factors.flatMap(Self.float)) }
        }
        #expect(try rotary([1, 1, 2, 4]) == nil)
        #expect(try rotary([1, 1, 2])?.contains("rope_freqs.weight") == true)
        #expect(try rotary([1, 1, 2, 0])?.contains("rotary factor") == true)
        #expect(try rotary([1, 1, .nan, 1])?.contains("rotary factor") == true)
        let name = "blk.0.attn_q_norm.weight"
        let message = try file { $0.add(tensor: name, [8], type: 0, (0..<8).flatMap { _ in Self.float(1) }) }
        #expect(message?.contains(name) == true)
        // Integers where weights belong.
        let integers = try file { builder in
            let index = builder.tensors.firstIndex { $0.name == "blk.0.attn_q.weight" }!
            builder.tensors[index].type = 26
        }
        #expect(integers?.contains("q_proj") == true)
        // llama.cpp ties where a file holds no output projection.
        #expect(try file { $0.tensors.removeAll { $0.name == "output.weight" } } == nil)
    }
}
