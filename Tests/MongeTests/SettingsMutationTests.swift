import CPUBackend
import Foundation
import ModelFiles
import Models
import TestSupport
import Tensors
import Testing

/// Settings that are changed at random: a model is loaded and runs, or is refused with an error; nothing traps.
@Suite(.serialized) struct SettingsMutationTests {
    /// Whether the model was loaded; one that was runs a few tokens.
    static func runs(_ load: (any Backend) throws -> any LanguageModel) throws -> Bool {
        let backend = ReferenceBackend()
        let model: any LanguageModel
        do {
            model = try load(backend)
        } catch is ModelError { return false } catch is ModelFileError { return false }
        let tokens: [Int32] = [0, 1, 2, 0]
        guard model.contextLength >= tokens.count, model.vocabularySize > 2 else { return true }
        let batch = try TokenBatch([TokenBatch.Sequence(tokens: tokens, slot: 0)], capacity: tokens.count, on: backend)
        let hidden = try model.forward(batch, cache: nil, context: ForwardContext(backend: backend), output: .last)
        #expect(try backend.readFloats(model.logits(hidden)).count == model.vocabularySize)
        return true
    }

    static var values: [Any] {
        [
            -1, 0, 1, 2, 3, 7, 8, 16, 4097, 1 << 31, 1 << 32, Int.max, Int.min, 1e308, -1e308, 1e-308, 0.5, 1e10, 1e-5, "", "x", "yarn",
            "linear", true,
            false, NSNull(), [Any](), [1, -1], ["full_attention"], ["sliding_attention", "full_attention", "sliding_attention"],
            [String: Any](), ["type": "linear", "factor": 3.0], ["rope_type": "yarn", "factor": 1e6, "beta_fast": 0, "beta_slow": 1e6],
            ["rope_type": "yarn", "factor": 2, "original_max_position_embeddings": 1, "truncate": false],
            [
                "rope_type": "llama3", "factor": 1e-6, "low_freq_factor": 1e-6, "high_freq_factor": 1e6,
                "original_max_position_embeddings": 1,
            ],
            ["type": "dynamic", "factor": 1e6], ["rope_theta": 1e-30],
        ]
    }

    private static let added = [
        "rope_scaling", "rope_parameters", "rope_theta", "head_dim", "sliding_window", "layer_types", "use_sliding_window",
        "max_window_layers",
        "attention_bias", "mlp_bias", "tie_word_embeddings", "original_max_position_embeddings", "architectures",
    ]

    @Test(.timeLimit(.minutes(60))) func foldersAreRunOrRefused() throws {
        var random = SplitMix64(seed: 11)
        var loaded = 0, count = 0
        let cases = ["llama", "llama3", "yarn-options", "mistral", "qwen2-windows", "qwen2-types", "attention-bias", "tied"]
        for name in cases {
            let plain = try SettingsFolder.plain(name)
            try SettingsFolder.with(config: SettingsFolder.text(plain.config), tensors: SettingsFolder.tensors(plain.tensors)) { path in
                for _ in 0..<500 {
                    var config = plain.config
                    for _ in 0..<Int.random(in: 1...3, using: &random) {
                        let value = Self.values.randomElement(using: &random)!
                        let key = (config.keys.sorted() + Self.added).randomElement(using: &random)!
                        if Int.random(in: 0..<3, using: &random) == 0, var section = config["rope_scaling"] as? [String: Any],
                            !section.isEmpty
                        {
                            section[section.keys.sorted().randomElement(using: &random)!] = value
                            config["rope_scaling"] = section
                        } else if Int.random(in: 0..<8, using: &random) == 0 {
                            config[key] = nil
                        } else {
                            config[key] = value
                        }
                    }
                    try Data(SettingsFolder.text(config).utf8).write(to: URL(filePath: path + "/config.json"))
                    if try Self.runs({ try LanguageModels.load(HuggingFaceFolder(path: path), on: $0) }) { loaded += 1 }
                    count += 1
                }
            }
        }
        // Both outcomes are met often enough to mean something.
        #expect((count / 10..<count * 9 / 10).contains(loaded), "\(loaded) of \(count) were loaded")
    }

    @Test(.timeLimit(.minutes(60))) func metadataAreObeyedOrRefused() throws {
        var random = SplitMix64(seed: 12)
        let sizes: [UInt64] = [0, 1, 2, 7, 8, 64, 4097, 1 << 31, UInt64.max, 1 << 40, 1 << 63]
        let counts: [UInt32] = [0, 1, 3, 8, 16, .max]
        let signed: [Int32] = [-1, .min]
        let fractions: [Float] = [0, 1, 4, -1, .nan, .infinity, Float(bitPattern: 0x1_1000), 3e38, 1e-6, 0.5]
        typealias Value = (type: UInt32, bytes: [UInt8])
        var numbers: [Value] = sizes.map { (10, GGUFBuilder.bytes($0)) }
        numbers += counts.map { (4, GGUFBuilder.bytes($0)) }
        numbers += signed.map { (5, GGUFBuilder.bytes($0)) }
        numbers += fractions.map { (6, GGUFBuilder.bytes($0.bitPattern)) }
        numbers += [(7, [0]), (7, [1])]
        numbers += ["yarn", "linear", "none", "x"].map { (8, GGUFBuilder.string($0)) }
        numbers += [(9, GGUFBuilder.array(4, [])), (9, GGUFBuilder.array(7, [[1]]))]
        numbers.append((9, GGUFBuilder.array(4, [GGUFBuilder.bytes(UInt32(1))])))
        let keys = [
            "block_count", "embedding_length", "feed_forward_length", "context_length", "attention.head_count", "attention.head_count_kv",
            "attention.key_length", "attention.value_length", "attention.layer_norm_rms_epsilon", "attention.sliding_window",
            "attention.sliding_window_pattern", "rope.dimension_count", "rope.freq_base", "rope.scale_linear", "rope.scaling.type",
            "rope.scaling.factor", "rope.scaling.original_context_length", "rope.scaling.attn_factor", "rope.scaling.yarn_beta_fast",
            "rope.scaling.yarn_beta_slow", "expert_count", "attention.causal", "vocab_size",
        ]
        var loaded = 0
        let count = 4000
        for _ in 0..<count {
            var builder = SuccessorModel.gguf()
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let key = "llama." + keys.randomElement(using: &random)!
                builder.metadata.removeAll { $0.key == key }
                let value = numbers.randomElement(using: &random)!
                builder.add(key, value.type, value.bytes)
            }
            if try Self.runs({ try LanguageModels.load(GGUFFile(builder.mapped), on: $0) }) { loaded += 1 }
        }
        #expect((count / 20..<count * 19 / 20).contains(loaded), "\(loaded) of \(count) were loaded")
    }

    @Test(.timeLimit(.minutes(60))) func brokenFilesAreRunOrRefused() throws {
        let original = try Array(fixture("settings/gguf-windows.gguf"))
        // The metadata and the tensors' descriptions, where everything but weights stands.
        let head = 4096
        var random = SplitMix64(seed: 13)
        for _ in 0..<2000 {
            let bytes = Corruption.corrupt(Array(original[..<head]), original, &random) + original[head...]
            _ = try Self.runs { try LanguageModels.load(GGUFFile(MappedFile(contents: bytes, name: "x.gguf")), on: $0) }
        }
    }
}
