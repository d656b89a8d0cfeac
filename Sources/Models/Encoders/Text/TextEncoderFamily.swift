import ModelFiles

/// A family of encoders of texts: what its folders say, and what its layers are.
struct TextEncoderFamily: Sendable {
    /// `model_type` of a folder's `config.json`.
    let name: String
    /// The class with a classifier's head in transformers.
    let classifierClass: String
    /// What that class calls the encoder within it; folders of the encoder alone have its modules at their top.
    let prefix: String
    /// The configuration of a folder; what it does not read is refused where it would change anything.
    let folder: @Sendable (SettingsReader) throws -> TextEncoderConfiguration
    /// The layers, which take their weights and number their sites in this order.
    let build: @Sendable (TextEncoderConfiguration, LayerLoader) throws -> TextEncoderParts
    /// The classifier's head: from the state of a text's first token to a number for each label.
    /// - Parameters:
    ///   - encoder: Stands at the encoder.
    ///   - top: Stands at the classifier.
    let head: @Sendable (TextEncoderConfiguration, _ encoder: LayerLoader, _ top: LayerLoader, _ labels: Int) throws -> PlainMLP

    /// Settings of these families' configurations that Monge does not compute with, at the values that change nothing.
    static let neutral: [NeutralSetting] = [
        .bool("is_decoder", false, "attention to what came before alone"),
        .string("position_embedding_type", "absolute", meaning: "positions in the scores of attention"),
    ]

    /// Modules of a folder that belong to other uses of an encoder than the one at hand: what it was trained by, heads, the pooler.
    private static let otherUses = [
        "cls.", "lm_head.", "pooler.", "classifier.", "pre_classifier.", "qa_outputs.", "vocab_transform.", "vocab_layer_norm.",
        "vocab_projector.",
    ]

    /// Whether a tensor that nobody asked for may be left alone.
    /// - Parameter prefix: Of the encoder's tensors in this folder, with its point.
    static func isOfAnotherUse(_ tensor: String, prefix: String) -> Bool {
        let inner = tensor.hasPrefix(prefix) ? String(tensor.dropFirst(prefix.count)) : tensor
        // Numbers that older folders keep and that follow from the settings.
        if ["embeddings.position_ids", "embeddings.token_type_ids"].contains(inner) { return true }
        return otherUses.contains { tensor.hasPrefix($0) || inner.hasPrefix($0) }
    }
}

/// The layers of an encoder of texts.
struct TextEncoderParts {
    let embedding: TextEmbedding
    let blocks: [TextEncoderBlock]
}
