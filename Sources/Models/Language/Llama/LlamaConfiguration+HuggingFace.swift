import Foundation
import ModelFiles

extension LlamaConfiguration {
    /// Reads `config.json` (`LlamaConfig`, `MistralConfig` or `Qwen2Config` of Hugging Face transformers).
    init(_ folder: HuggingFaceFolder) throws {
        let config = folder.config
        let architecture = try config.string("model_type")
        guard LlamaConfiguration.architectures.contains(architecture) else {
            throw ModelError.unknownArchitecture(architecture, known: LlamaConfiguration.architectures)
        }
        let activation = try config.string(ifPresent: "hidden_act") ?? "silu"
        guard activation == "silu" else {
            throw ModelError.unsupported("the model's activation is \(activation); a Llama-family model has silu")
        }
        let hidden = try config.integer("hidden_size")
        let heads = try config.integer("num_attention_heads")
        guard heads > 0 else { throw ModelError.invalidConfiguration("it has \(heads) heads") }
        let headChannels = try config.integer(ifPresent: "head_dim") ?? hidden / heads
        // Newer files keep the base with the scaling.
        let ropeBase = try config.float(ifPresent: "rope_theta") ?? config.float(ifPresent: "rope_parameters.rope_theta") ?? 10000
        let usesWindow = try architecture == "mistral" || config.bool(ifPresent: "use_sliding_window") == true
        self.init(
            architecture: architecture, layers: try config.integer("num_hidden_layers"), hidden: hidden, heads: heads,
            keyHeads: try config.integer(ifPresent: "num_key_value_heads") ?? heads, headChannels: headChannels,
            intermediate: try config.integer("intermediate_size"), vocabulary: try config.integer("vocab_size"),
            contextLength: try config.integer(ifPresent: "max_position_embeddings") ?? 2048,
            normEpsilon: try config.float(ifPresent: "rms_norm_eps") ?? 1e-6, ropeBase: ropeBase,
            ropeFactors: try LlamaConfiguration.ropeFactors(config, base: ropeBase, channels: headChannels),
            slidingWindow: usesWindow ? try config.integer(ifPresent: "sliding_window") : nil)
    }

    private static func ropeFactors(_ config: JSONDocument, base: Float, channels: Int) throws -> [Float]? {
        let scaling = config.value("rope_scaling") == nil ? "rope_parameters" : "rope_scaling"
        let type = try config.string(ifPresent: "\(scaling).rope_type") ?? config.string(ifPresent: "\(scaling).type") ?? "default"
        switch type {
        case "default": return nil
        case "linear": return [Float](repeating: try config.float("\(scaling).factor"), count: max(0, channels / 2))
        case "llama3":
            func number(_ key: String) throws -> Double { Double(try config.float("\(scaling).\(key)")) }
            return llama3Factors(
                base: Double(base), channels: channels, factor: try number("factor"), low: try number("low_freq_factor"),
                high: try number("high_freq_factor"), original: try number("original_max_position_embeddings"))
        default: throw ModelError.unsupported("the model scales its rotary embedding by '\(type)'; Monge knows linear and llama3")
        }
    }

    /// The divisors of Llama 3.1's frequencies (`_compute_llama3_parameters` in transformers): wavelengths beyond the original
    /// context over `low` are stretched by `factor`, those under it over `high` are kept, and between them it is interpolated.
    static func llama3Factors(base: Double, channels: Int, factor: Double, low: Double, high: Double, original: Double) -> [Float] {
        (0..<channels / 2).map { pair in
            let wavelength = 2 * Double.pi * pow(base, Double(2 * pair) / Double(channels))
            if wavelength < original / high { return 1 }
            if wavelength > original / low { return Float(factor) }
            let smooth = (original / wavelength - low) / (high - low)
            return Float(1 / ((1 - smooth) / factor + smooth))
        }
    }
}
