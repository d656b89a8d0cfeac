import ModelFiles
import Tensors

/// The extents and constants of a ``TextEncoder``.
struct TextEncoderConfiguration: Sendable, Equatable {
    let architecture: String
    var layers: Int
    var hidden: Int
    var heads: Int
    /// The channels between the layers of the MLP.
    var intermediate: Int
    var vocabulary: Int
    /// The rows of the table of positions.
    var positions: Int
    /// The kinds of texts that tokens can be of, such as the first and the second of a pair; nil where a family knows none.
    var tokenKinds: Int?
    /// Of the MLP.
    var activation: Activation
    var normEpsilon: Float
    /// The token that fills texts up, where positions are counted from the one after it (RoBERTa); nil where they are counted from 0.
    var paddingToken: Int?

    var headChannels: Int { hidden / heads }

    /// The position of a text's first token.
    var firstPosition: Int { paddingToken.map { $0 + 1 } ?? 0 }

    /// The most tokens a text can have.
    var maximumTokens: Int { positions - firstPosition }

    static let extents = 1...1 << 24

    /// What the settings of transformers' configuration classes call the activations that Monge has.
    static let activations: [String: Activation] = [
        "gelu": .gelu, "gelu_python": .gelu, "gelu_new": .geluTanh, "gelu_fast": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
        "quick_gelu": .geluQuick, "relu": .relu, "silu": .silu, "swish": .silu, "tanh": .tanh, "sigmoid": .sigmoid, "linear": .identity,
    ]

    /// Checks that the extents fit together.
    func validated() throws -> TextEncoderConfiguration {
        guard hidden % heads == 0 else {
            throw ModelError.invalidConfiguration("\(heads) heads do not divide the \(hidden) channels of the encoder")
        }
        guard maximumTokens > 0 else {
            throw ModelError.invalidConfiguration("\(positions) positions leave no room for a text, which begins at \(firstPosition)")
        }
        return self
    }
}

extension TextEncoderConfiguration {
    /// Reads the settings that BERT and RoBERTa have, with the values that stand for silence in their configuration classes.
    init(_ settings: SettingsReader, family: String, vocabulary: Int) throws {
        self.init(
            architecture: family,
            layers: try settings.integer(ifPresent: "num_hidden_layers", in: DecoderConfiguration.layerCounts) ?? 12,
            hidden: try settings.integer(ifPresent: "hidden_size", in: Self.extents) ?? 768,
            heads: try settings.integer(ifPresent: "num_attention_heads", in: Self.extents) ?? 12,
            intermediate: try settings.integer(ifPresent: "intermediate_size", in: Self.extents) ?? 3072,
            vocabulary: try settings.integer(ifPresent: "vocab_size", in: Self.extents) ?? vocabulary,
            positions: try settings.integer(ifPresent: "max_position_embeddings", in: Self.extents) ?? 512,
            tokenKinds: try settings.integer(ifPresent: "type_vocab_size", in: Self.extents) ?? 2,
            activation: try FolderSettings.activation(settings, "hidden_act", silent: "gelu", Self.activations),
            normEpsilon: try settings.number(ifPresent: "layer_norm_eps", in: 0...1) ?? 1e-12)
    }
}
