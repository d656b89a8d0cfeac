import ModelFiles
import Tensors

extension TextEncoderFamily {
    /// DistilBERT (Sanh et al. 2019): BERT with half of the layers, without kinds of texts and without a pooler. Reads like
    /// `DistilBertForSequenceClassification` of transformers.
    static let distilbert = TextEncoderFamily(
        name: "distilbert", classifierClass: "DistilBertForSequenceClassification", prefix: "distilbert",
        folder: { settings in
            let extents = TextEncoderConfiguration.extents
            return TextEncoderConfiguration(
                architecture: "distilbert",
                layers: try settings.integer(ifPresent: "n_layers", in: DecoderConfiguration.layerCounts) ?? 6,
                hidden: try settings.integer(ifPresent: "dim", in: extents) ?? 768,
                heads: try settings.integer(ifPresent: "n_heads", in: extents) ?? 12,
                intermediate: try settings.integer(ifPresent: "hidden_dim", in: extents) ?? 3072,
                vocabulary: try settings.integer(ifPresent: "vocab_size", in: extents) ?? 30522,
                positions: try settings.integer(ifPresent: "max_position_embeddings", in: extents) ?? 512,
                activation: try FolderSettings.activation(settings, "activation", silent: "gelu", TextEncoderConfiguration.activations),
                normEpsilon: 1e-12)
        },
        build: { c, m in
            TextEncoderParts(
                embedding: try TextEmbedding(c, m["embeddings"]),
                blocks: try (0..<c.layers).map { try .distilbert(c, m["transformer"]["layer.\($0)"]) })
        },
        head: { c, _, top, labels in
            PlainMLP(
                up: try top.projection("pre_classifier", inputs: c.hidden, outputs: c.hidden, bias: .required),
                down: try top.projection("classifier", inputs: c.hidden, outputs: labels, bias: .required), activation: .relu)
        })
}

extension TextEncoderBlock {
    fileprivate static func distilbert(_ c: TextEncoderConfiguration, _ m: LayerLoader) throws -> TextEncoderBlock {
        TextEncoderBlock(
            attention: try TextAttention(c, m["attention"], ["q_lin", "k_lin", "v_lin"], output: (m["attention"], "out_lin")),
            attentionNorm: try m.layerNorm("sa_layer_norm", c.hidden),
            feedForward: PlainMLP(
                up: try m["ffn"].projection("lin1", inputs: c.hidden, outputs: c.intermediate, bias: .required),
                down: try m["ffn"].projection("lin2", inputs: c.intermediate, outputs: c.hidden, bias: .required),
                activation: c.activation),
            outputNorm: try m.layerNorm("output_layer_norm", c.hidden))
    }
}
