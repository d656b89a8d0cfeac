import Foundation
import ModelFiles

extension LlamaConfiguration {
    /// Reads `config.json` (`LlamaConfig`, `MistralConfig` or `Qwen2Config` of Hugging Face transformers).
    init(_ folder: HuggingFaceFolder) throws {
        let json = ConfigurationJSON(folder.configuration)
        let architecture = try json.string("model_type")
        guard LlamaConfiguration.architectures.contains(architecture) else {
            throw ModelError.unknownArchitecture(architecture, known: LlamaConfiguration.architectures)
        }
        let activation = json.optionalString("hidden_act") ?? "silu"
        guard activation == "silu" else {
            throw ModelError.unsupported("the model's activation is \(activation); a Llama-family model has silu")
        }
        let hidden = try json.integer("hidden_size")
        let heads = try json.integer("num_attention_heads")
        guard heads > 0 else { throw ModelError.invalidConfiguration("it has \(heads) heads") }
        let headChannels = try json.optionalInteger("head_dim") ?? hidden / heads
        let ropeBase =
            try json.optionalNumber("rope_theta") ?? json.optionalObject("rope_parameters")?.optionalNumber("rope_theta") ?? 10000
        let usesWindow = architecture == "mistral" || json.optionalBoolean("use_sliding_window") == true
        self.init(
            architecture: architecture, layers: try json.integer("num_hidden_layers"), hidden: hidden, heads: heads,
            keyHeads: try json.optionalInteger("num_key_value_heads") ?? heads, headChannels: headChannels,
            intermediate: try json.integer("intermediate_size"), vocabulary: try json.integer("vocab_size"),
            contextLength: try json.optionalInteger("max_position_embeddings") ?? 2048,
            normEpsilon: Float(try json.optionalNumber("rms_norm_eps") ?? 1e-6), ropeBase: Float(ropeBase),
            ropeFactors: try LlamaConfiguration.ropeFactors(json, base: ropeBase, channels: headChannels),
            slidingWindow: usesWindow ? try json.optionalInteger("sliding_window") : nil)
    }

    private static func ropeFactors(_ json: ConfigurationJSON, base: Double, channels: Int) throws -> [Float]? {
        guard let scaling = json.optionalObject("rope_scaling") ?? json.optionalObject("rope_parameters") else { return nil }
        let pairs = max(0, channels / 2)
        switch scaling.optionalString("rope_type") ?? scaling.optionalString("type") ?? "default" {
        case "default": return nil
        case "linear": return [Float](repeating: Float(try scaling.number("factor")), count: pairs)
        case "llama3":
            return llama3Factors(
                base: base, channels: channels, factor: try scaling.number("factor"), low: try scaling.number("low_freq_factor"),
                high: try scaling.number("high_freq_factor"), original: try scaling.number("original_max_position_embeddings"))
        case let other: throw ModelError.unsupported("the model scales its rotary embedding by '\(other)'; Monge knows linear and llama3")
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

/// Typed look-ups in a configuration, with errors that name the key.
struct ConfigurationJSON {
    private let object: [String: Any]

    init(_ object: [String: Any]) { self.object = object }

    func string(_ key: String) throws -> String {
        guard let value = optionalString(key) else { throw ModelError.invalidConfiguration("it has no text '\(key)'") }
        return value
    }

    func integer(_ key: String) throws -> Int {
        guard let value = try optionalInteger(key) else { throw ModelError.invalidConfiguration("it has no number '\(key)'") }
        return value
    }

    func number(_ key: String) throws -> Double {
        guard let value = try optionalNumber(key) else { throw ModelError.invalidConfiguration("it has no number '\(key)'") }
        return value
    }

    func optionalString(_ key: String) -> String? { object[key] as? String }

    func optionalBoolean(_ key: String) -> Bool? { object[key] as? Bool }

    func optionalObject(_ key: String) -> ConfigurationJSON? { (object[key] as? [String: Any]).map(ConfigurationJSON.init) }

    func optionalNumber(_ key: String) throws -> Double? {
        guard let value = object[key], !(value is NSNull) else { return nil }
        guard let number = value as? NSNumber, number.doubleValue.isFinite else {
            throw ModelError.invalidConfiguration("'\(key)' is not a number")
        }
        return number.doubleValue
    }

    func optionalInteger(_ key: String) throws -> Int? {
        guard let number = try optionalNumber(key) else { return nil }
        guard let value = Int(exactly: number) else {
            throw ModelError.invalidConfiguration("'\(key)' is \(number), expected a whole number")
        }
        return value
    }
}
