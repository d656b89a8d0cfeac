import ModelFiles
import Tensors

/// The extents and constants of a ``CLIPTextEncoder``.
public struct CLIPTextConfiguration: Sendable, Equatable {
    public var vocabulary: Int
    /// The most tokens a text can have.
    public var positions: Int
    public var channels: Int
    public var layers: Int
    public var heads: Int
    /// The channels between the layers of the MLP.
    public var intermediate: Int
    public var activation: Activation
    public var normEpsilon: Float
    /// The token whose first place stands for the text; nil for the token of the largest number, as older files mean it.
    public var endToken: Int32?
    /// The channels that the pooled text is projected to; nil for a model without a projection.
    public var projection: Int?

    /// Reads `config.json` as `CLIPTextConfig` of transformers does.
    ///
    /// Every setting that changes what these models compute is obeyed or refused by name.
    /// - Parameter hasProjection: Whether the model is a `CLIPTextModelWithProjection`.
    init(_ document: JSONDocument, hasProjection: Bool) throws {
        let settings = SettingsReader(document)
        let extents = 1...1 << 24
        if let type = try settings.string(ifPresent: "model_type"), type != "clip_text_model" {
            throw ModelError.unsupportedSetting(key: "model_type", value: "'\(type)'", meaning: "expected clip_text_model")
        }
        vocabulary = try settings.integer(ifPresent: "vocab_size", in: extents) ?? 49408
        positions = try settings.integer(ifPresent: "max_position_embeddings", in: 2...1 << 16) ?? 77
        channels = try settings.integer(ifPresent: "hidden_size", in: extents) ?? 512
        layers = try settings.integer(ifPresent: "num_hidden_layers", in: 1...4096) ?? 12
        heads = try settings.integer(ifPresent: "num_attention_heads", in: extents) ?? 8
        intermediate = try settings.integer(ifPresent: "intermediate_size", in: extents) ?? 2048
        normEpsilon = try settings.number(ifPresent: "layer_norm_eps", in: 0...1) ?? 1e-5
        let name = try settings.string(ifPresent: "hidden_act") ?? "quick_gelu"
        guard let activation = Self.activations[name] else {
            throw ModelError.unsupportedSetting(
                key: "hidden_act", value: "'\(name)'", meaning: "Monge knows \(Self.activations.keys.sorted().joined(separator: ", "))")
        }
        self.activation = activation
        // Number 2 was written by mistake in older files (transformers, pull request 24773).
        let end = try settings.integer(ifPresent: "eos_token_id", in: 0...1 << 24) ?? 49407
        endToken = end == 2 ? nil : Int32(end)
        let projection = try settings.integer(ifPresent: "projection_dim", in: extents) ?? 512
        self.projection = hasProjection ? projection : nil
        guard channels % heads == 0 else {
            throw ModelError.invalidConfiguration("\(heads) heads do not divide the \(channels) channels of the text encoder")
        }
        try settings.refuse(FolderSettings.neutral)
    }

    private static let activations: [String: Activation] = [
        "quick_gelu": .geluQuick, "gelu": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "silu": .silu, "relu": .relu,
    ]
}
