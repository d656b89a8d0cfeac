import Foundation
import ModelFiles
import Tensors

/// The extents and constants of a ``T5Encoder``.
public struct T5Configuration: Sendable, Equatable {
    public var vocabulary: Int
    public var channels: Int
    public var layers: Int
    public var heads: Int
    /// Of each head; heads times these need not be ``channels``.
    public var headChannels: Int
    /// The channels between the layers of the MLP.
    public var intermediate: Int
    public var activation: Activation
    /// Whether the MLP's activation is a gate (version 1.1).
    public var isGated: Bool
    /// How many kinds of distances between tokens are told apart.
    public var buckets: Int
    /// Beyond it all distances are alike.
    public var maximumDistance: Int
    public var normEpsilon: Float

    /// Reads `config.json` as `T5Config` of transformers does. What concerns the decoder is left aside.
    init(_ document: JSONDocument) throws {
        let settings = SettingsReader(document)
        let extents = 1...1 << 24
        if let type = try settings.string(ifPresent: "model_type"), type != "t5" {
            throw ModelError.unsupportedSetting(key: "model_type", value: "'\(type)'", meaning: "expected t5")
        }
        vocabulary = try settings.integer(ifPresent: "vocab_size", in: extents) ?? 32128
        channels = try settings.integer(ifPresent: "d_model", in: extents) ?? 512
        headChannels = try settings.integer(ifPresent: "d_kv", in: 1...1 << 16) ?? 64
        intermediate = try settings.integer(ifPresent: "d_ff", in: extents) ?? 2048
        layers = try settings.integer(ifPresent: "num_layers", in: 1...4096) ?? 6
        heads = try settings.integer(ifPresent: "num_heads", in: 1...1 << 16) ?? 8
        buckets = try settings.integer(ifPresent: "relative_attention_num_buckets", in: 4...1 << 16) ?? 32
        maximumDistance = try settings.integer(ifPresent: "relative_attention_max_distance", in: 2...1 << 24) ?? 128
        normEpsilon = try settings.number(ifPresent: "layer_norm_epsilon", in: 0...1) ?? 1e-6
        let name = try settings.string(ifPresent: "feed_forward_proj") ?? "relu"
        guard let (isGated, activation) = Self.projections[name] else {
            throw ModelError.unsupportedSetting(
                key: "feed_forward_proj", value: "'\(name)'",
                meaning: "Monge knows \(Self.projections.keys.sorted().joined(separator: ", "))")
        }
        (self.isGated, self.activation) = (isGated, activation)
        try validate()
    }

    package init(
        vocabulary: Int, channels: Int, layers: Int, heads: Int, headChannels: Int, intermediate: Int, buckets: Int = 32,
        maximumDistance: Int = 128, normEpsilon: Float = 1e-6
    ) throws {
        (self.vocabulary, self.channels, self.layers, self.heads) = (vocabulary, channels, layers, heads)
        (self.headChannels, self.intermediate) = (headChannels, intermediate)
        (isGated, activation) = (true, .geluTanh)
        (self.buckets, self.maximumDistance, self.normEpsilon) = (buckets, maximumDistance, normEpsilon)
        try validate()
    }

    private func validate() throws {
        guard buckets % 4 == 0, maximumDistance > buckets / 4 else {
            throw ModelError.invalidConfiguration(
                "\(buckets) kinds of distances up to \(maximumDistance): a multiple of 4, and distances beyond a quarter of it, are wanted")
        }
    }

    private static let projections: [String: (Bool, Activation)] = [
        "relu": (false, .relu), "gated-gelu": (true, .geluTanh), "gated-silu": (true, .silu), "gelu": (false, .gelu),
    ]

    /// Which kind a distance from a query to a key is of (`_relative_position_bucket` of transformers): half of the kinds are for keys behind,
    /// half for keys ahead; the near ones exact, the far ones by their logarithm.
    package func bucket(of distance: Int) -> Int {
        let half = buckets / 2
        let exact = half / 2
        let base = distance > 0 ? half : 0
        let length = abs(distance)
        if length < exact { return base + length }
        let scale = log(Float(maximumDistance) / Float(exact))
        let far = exact + Int(log(Float(length) / Float(exact)) / scale * Float(half - exact))
        return base + min(far, half - 1)
    }
}
