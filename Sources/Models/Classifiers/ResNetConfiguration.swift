import ModelFiles
import Tensors

/// The extents and constants of a ``ResNetClassifier``.
struct ResNetConfiguration {
    /// How a layer is made.
    enum LayerKind: String {
        /// Two convolutions of 3 × 3.
        case basic
        /// One pixel to a quarter of the channels, 3 × 3, one pixel back.
        case bottleneck
    }

    let pictureChannels: Int
    /// Of the embedder.
    let embedding: Int
    /// Of each stage's result.
    let channels: [Int]
    /// The layers of each stage.
    let depths: [Int]
    let kind: LayerKind
    let activation: Activation
    /// Whether the first stage halves the sides, as the others do.
    let reducesInFirstStage: Bool
    /// Whether a bottleneck's first convolution has the stride, as in He et al. 2016; otherwise the second has.
    let reducesInBottleneck: Bool
    /// In the order of the numbers that the model gives.
    let labels: [String]

    /// Reads `config.json` as `ResNetConfig` of transformers does: every setting is obeyed or refused by name.
    init(_ document: JSONDocument) throws {
        let settings = SettingsReader(document)
        let extents = 1...1 << 16
        if let type = try settings.string(ifPresent: "model_type"), type != "resnet" {
            throw ModelError.unsupportedSetting(key: "model_type", value: "'\(type)'", meaning: "Monge runs classifiers of the type resnet")
        }
        if let classes = try settings.strings(ifPresent: "architectures"), !classes.contains("ResNetForImageClassification") {
            throw ModelError.unsupportedSetting(
                key: "architectures", value: classes.joined(separator: ", "), meaning: "expected ResNetForImageClassification")
        }
        pictureChannels = try settings.integer(ifPresent: "num_channels", in: extents) ?? 3
        guard pictureChannels == 3 else {
            throw ModelError.unsupportedSetting(key: "num_channels", value: "\(pictureChannels)", meaning: "pictures have three channels")
        }
        embedding = try settings.integer(ifPresent: "embedding_size", in: extents) ?? 64
        channels = try settings.integers(ifPresent: "hidden_sizes", in: extents) ?? [256, 512, 1024, 2048]
        depths = try settings.integers(ifPresent: "depths", in: 1...4096) ?? [3, 4, 6, 3]
        guard !channels.isEmpty, channels.count == depths.count else {
            throw ModelError.invalidConfiguration("hidden_sizes has \(channels.count) numbers and depths \(depths.count)")
        }
        let kind = try settings.string(ifPresent: "layer_type") ?? "bottleneck"
        guard let kind = LayerKind(rawValue: kind) else {
            throw ModelError.unsupportedSetting(key: "layer_type", value: "'\(kind)'", meaning: "expected basic or bottleneck")
        }
        self.kind = kind
        let name = try settings.string(ifPresent: "hidden_act") ?? "relu"
        guard let activation = Self.activations[name] else {
            throw ModelError.unsupportedSetting(
                key: "hidden_act", value: "'\(name)'", meaning: "Monge knows \(Self.activations.keys.sorted().joined(separator: ", "))")
        }
        self.activation = activation
        reducesInFirstStage = try settings.bool(ifPresent: "downsample_in_first_stage") ?? false
        reducesInBottleneck = try settings.bool(ifPresent: "downsample_in_bottleneck") ?? false
        labels = try ClassifierLabels.read(document)
        settings.ignore([
            "id2label", "label2id", "out_features", "out_indices", "stage_names", "torch_dtype", "dtype", "transformers_version",
            "_name_or_path", "num_labels",
        ])
        try settings.refuse([
            .string("problem_type", "single_label_classification", meaning: "Monge's classifiers give one label a picture"),
            .absent("quantization_config", "the weights are quantised in a way that Monge does not read"),
        ])
        try settings.finish()
    }

    private static let activations: [String: Activation] = [
        "relu": .relu, "gelu": .gelu, "silu": .silu, "swish": .silu, "quick_gelu": .geluQuick,
    ]
}
