import CPUBackend
import Foundation
import ModelFiles
import Models
import TestSupport
import Testing

/// What the families do not obey is refused by name, and settings that are changed at random are obeyed or refused; nothing traps.
@Suite struct FamilyRefusalTests {
    private func message(_ name: String, _ changes: [String: Any]) throws -> String? {
        let item = try #require(try FamilyParityTests.cases().folders.first { $0.name == name })
        return try Self.withFolder(item, changes) { folder in
            do {
                _ = try LanguageModels.load(folder, on: ReferenceBackend())
                return nil
            } catch { return "\(error)" }
        }
    }

    private static func withFolder<T>(
        _ item: FamilyParityTests.Cases.Folder, _ changes: [String: Any], _ body: (HuggingFaceFolder) throws -> T
    ) throws -> T {
        var config = try JSONSerialization.jsonObject(with: Data(item.config.utf8)) as! [String: Any]
        config.merge(changes) { $1 }
        let changed = FamilyParityTests.Cases.Folder(
            name: item.name, weights: item.weights, config: try SettingsFolder.text(config), tokens: item.tokens)
        return try FamilyParityTests.withFolder(changed, body)
    }

    @Test func settingsOfFolders() throws {
        let longrope: [String: Any] = ["type": "longrope", "short_factor": [1.0, 2.0], "long_factor": [1.0, 2.0]]
        let refused: [(name: String, changes: [String: Any], names: String)] = [
            ("gemma3", ["attn_logit_softcapping": 50.0], "attn_logit_softcapping"),
            ("gemma3", ["use_bidirectional_attention": true], "use_bidirectional_attention"),
            ("gemma3", ["hidden_activation": "silu"], "hidden_activation is 'silu'"),
            ("gemma3", ["query_pre_attn_scalar": 0], "query_pre_attn_scalar"),
            ("gemma3", ["sliding_window_pattern": 0], "sliding_window_pattern"),
            ("gemma3", ["model_type": "gemma3"], "'gemma3'"),
            ("gemma2", ["final_logit_softcapping": -1], "final_logit_softcapping"),
            ("gemma2", ["layer_types": ["full_attention"]], "layer_types"),
            ("qwen3", ["layer_types": ["sliding_attention", "full_attention"]], "sliding_window"),
            ("qwen3", ["attention_bias": true], "no tensor model.layers.0.self_attn.q_proj.bias"),
            ("smollm3", ["no_rope_layers": [1, 0]], "no_rope_layers names 2 layers of 4"),
            ("smollm3", ["no_rope_layers": [1, 0, 2, 1]], "no_rope_layers"),
            ("phi3", ["rope_scaling": longrope], "rotary factors"),
            ("phi3", ["rope_scaling": ["type": "longrope"]], "short_factor"),
            ("phi3", ["partial_rotary_factor": 0.03], "channels of a head"),
            ("phi3", ["attention_bias": true], "attention_bias"),
            ("gpt2", ["scale_attn_by_inverse_layer_idx": true], "scale_attn_by_inverse_layer_idx"),
            ("gpt2", ["scale_attn_weights": false], "scale_attn_weights"),
            ("gpt2", ["add_cross_attention": true], "add_cross_attention"),
            ("gpt2", ["activation_function": "tanh"], "activation_function is 'tanh'"),
            ("olmo2", ["qk_norm": true], "qk_norm"),
        ]
        for (name, changes, names) in refused {
            let message = try message(name, changes)
            #expect(message?.contains(names) == true, "\(name) \(changes): \(message ?? "was loaded")")
        }
    }

    /// Mixtures of experts, whatever a file calls them.
    @Test func mixturesOfExperts() throws {
        for kind in ["qwen3_moe", "mixtral", "gpt_oss", "olmoe", "phimoe", "qwen2_moe"] {
            let message = try message("qwen3", ["model_type": kind])
            #expect(message?.contains("mixture of experts ('\(kind)')") == true, "\(message ?? "was loaded")")
        }
        for kind in ["qwen3moe", "gpt-oss", "olmoe"] {
            var builder = SuccessorModel.gguf()
            builder.metadata.removeAll { $0.key == "general.architecture" }
            builder.add("general.architecture", 8, GGUFBuilder.string(kind))
            let error = #expect(throws: ModelError.self) { try LanguageModels.load(GGUFFile(builder.mapped), on: ReferenceBackend()) }
            #expect(error.map { "\($0)" }?.contains("mixture of experts ('\(kind)')") == true)
        }
    }

    @Test(.timeLimit(.minutes(60))) func changedSettingsAreObeyedOrRefused() throws {
        var random = SplitMix64(seed: 5)
        var loaded = 0
        for item in try FamilyParityTests.cases().folders where item.name != "gpt2-older" {
            let keys = (try JSONSerialization.jsonObject(with: Data(item.config.utf8)) as! [String: Any]).keys.sorted()
            let added = ["partial_rotary_factor", "layer_types", "sliding_window", "rope_parameters", "n_inner", "no_rope_layers"]
            for _ in 0..<60 {
                var changes: [String: Any] = [:]
                for _ in 0..<Int.random(in: 1...2, using: &random) {
                    changes[(keys + added).randomElement(using: &random)!] = SettingsMutationTests.values.randomElement(using: &random)!
                }
                let runs = try Self.withFolder(item, changes) { folder in
                    try SettingsMutationTests.runs { try LanguageModels.load(folder, activations: .f32, on: $0) }
                }
                if runs { loaded += 1 }
            }
        }
        // Both outcomes are met often enough to mean something.
        #expect((100..<900).contains(loaded), "\(loaded) were loaded")
    }
}
