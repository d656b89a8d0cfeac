import Tensors

extension TextEncoderFamily {
    /// BERT (Devlin et al. 2019), and MiniLM (Wang et al. 2020), which is smaller. Reads like `BertForSequenceClassification` of transformers.
    static let bert = TextEncoderFamily(
        name: "bert", classifierClass: "BertForSequenceClassification", prefix: "bert",
        folder: { try TextEncoderConfiguration($0, family: "bert", vocabulary: 30522) },
        build: { c, m in try TextEncoderParts(bert: c, m) },
        head: { c, encoder, top, labels in
            PlainMLP(
                up: try encoder["pooler"].projection("dense", inputs: c.hidden, outputs: c.hidden, bias: .required),
                down: try top.projection("classifier", inputs: c.hidden, outputs: labels, bias: .required), activation: .tanh)
        })
}

extension TextEncoderParts {
    /// The modules of BERT, which RoBERTa has, too.
    init(bert c: TextEncoderConfiguration, _ m: LayerLoader) throws {
        embedding = try TextEmbedding(c, m["embeddings"])
        blocks = try (0..<c.layers).map { try .bert(c, m["encoder"]["layer.\($0)"]) }
    }
}

extension TextEncoderBlock {
    fileprivate static func bert(_ c: TextEncoderConfiguration, _ m: LayerLoader) throws -> TextEncoderBlock {
        let attention = m["attention"]
        return TextEncoderBlock(
            attention: try TextAttention(c, attention["self"], ["query", "key", "value"], output: (attention["output"], "dense")),
            attentionNorm: try attention["output"].layerNorm("LayerNorm", c.hidden),
            feedForward: PlainMLP(
                up: try m["intermediate"].projection("dense", inputs: c.hidden, outputs: c.intermediate, bias: .required),
                down: try m["output"].projection("dense", inputs: c.intermediate, outputs: c.hidden, bias: .required),
                activation: c.activation),
            outputNorm: try m["output"].layerNorm("LayerNorm", c.hidden))
    }
}
