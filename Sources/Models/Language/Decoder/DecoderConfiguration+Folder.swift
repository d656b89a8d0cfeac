import ModelFiles
import Tensors

/// What stands for settings that a folder does not mention: the defaults of a family's configuration class in transformers.
struct FolderDefaults: Sendable {
    /// `num_key_value_heads`; nil for as many as heads. An explicit null is as many as heads, too.
    var keyHeads: Int?
    /// `head_dim`; nil for hidden / heads.
    var headChannels: Int?
    /// `max_position_embeddings`
    let contextLength: Int
    var normEpsilon: Float = 1e-6
    var rotaryBase: Float = 10000
    var tiesEmbedding = false
    /// The setting with the MLP's activation, and what its value may be.
    var activationKey = "hidden_act"
    var activations: [String: Activation] = ["silu": .silu, "swish": .silu]
    /// The value of a silent folder.
    var activation = "silu"
    /// What older folders call a rotary scaling.
    var olderRotaryNames: [String: String] = [:]
    /// Whether `partial_rotary_factor` is obeyed.
    var allowsPartialRotary = false
}

extension DecoderConfiguration {
    /// Reads the settings that `config.json` of most decoders has, as the configuration classes of Hugging Face transformers do: without
    /// biases, with rotary positions on every layer, and no window.
    ///
    /// Every setting that changes what these models compute is obeyed or refused by name. What these classes do not know changes nothing in
    /// transformers, and is refused only where it says that the folder holds another kind of model (``FolderSettings/neutral``).
    /// - Parameters:
    ///   - family: Its name.
    ///   - positions: The rotary positions of so many layers.
    init(
        _ settings: SettingsReader, family: String, _ defaults: FolderDefaults,
        positions: (FolderRotary, _ layers: Int) throws -> [RotaryPosition?] = { try .init(repeating: $0.position(), count: $1) }
    ) throws {
        let hidden = try settings.integer("hidden_size", in: Self.extents)
        let heads = try settings.integer("num_attention_heads", in: Self.extents)
        let headChannels =
            try settings.integer(ifPresent: "head_dim", in: Self.headSizes)
            ?? (settings.isNull("head_dim") ? nil : defaults.headChannels) ?? hidden / heads
        let layers = try settings.integer("num_hidden_layers", in: Self.layerCounts)
        let statedKeyHeads = try settings.integer(ifPresent: "num_key_value_heads", in: Self.extents)
        let silentKeyHeads = settings.isNull("num_key_value_heads") ? nil : defaults.keyHeads
        let context = try settings.integer(ifPresent: "max_position_embeddings", in: Self.extents) ?? defaults.contextLength
        let rotary = try FolderRotary(
            settings, headChannels: headChannels, contextLength: context, usualBase: defaults.rotaryBase,
            olderNames: defaults.olderRotaryNames, allowsPartial: defaults.allowsPartialRotary)
        self.init(
            architecture: family, layers: layers, hidden: hidden, heads: heads, keyHeads: statedKeyHeads ?? silentKeyHeads ?? heads,
            headChannels: headChannels, intermediate: try settings.integer("intermediate_size", in: Self.extents),
            vocabulary: try settings.integer("vocab_size", in: Self.extents), contextLength: context,
            normEpsilon: try settings.number(ifPresent: "rms_norm_eps", in: 0...1) ?? defaults.normEpsilon,
            rotary: try positions(rotary, layers), windows: [Int?](repeating: nil, count: layers),
            activation: try FolderSettings.activation(
                settings, defaults.activationKey, silent: defaults.activation, defaults.activations),
            tiesEmbedding: try settings.bool(ifPresent: "tie_word_embeddings") ?? defaults.tiesEmbedding)
    }

    /// Obeys `attention_bias`, which some families have: biases of all four projections, or of none.
    mutating func readAttentionBias(_ settings: SettingsReader) throws {
        guard try settings.bool(ifPresent: "attention_bias") == true else { return }
        queryKeyValueBias = .required
        attentionOutputBias = .required
    }

    /// Obeys `mlp_bias`, which some families have.
    mutating func readMLPBias(_ settings: SettingsReader) throws {
        if try settings.bool(ifPresent: "mlp_bias") == true { mlpBias = .required }
    }
}

extension FolderSettings {
    /// The activation of an MLP.
    static func activation(
        _ settings: SettingsReader, _ key: String, silent: String, _ known: [String: Activation]
    ) throws -> Activation {
        let name = try settings.string(ifPresent: key) ?? silent
        guard let activation = known[name] else {
            throw ModelError.unsupportedSetting(
                key: key, value: "'\(name)'", meaning: "the activation of this model is \(known.keys.sorted().joined(separator: " or "))")
        }
        return activation
    }

    /// A soft cap: null and 0 are none.
    static func softCap(_ settings: SettingsReader, _ key: String, silent: Float?) throws -> Float? {
        let cap = try settings.number(ifPresent: key, in: 0...DecoderConfiguration.magnitudes.upperBound)
        if let cap { return cap == 0 ? nil : cap }
        return settings.isNull(key) ? nil : silent
    }
}
