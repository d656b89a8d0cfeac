import Tensors

extension TextEncoderFamily {
    /// RoBERTa (Liu et al. 2019): BERT whose positions are counted from the one after the padding token's. Reads like
    /// `RobertaForSequenceClassification` of transformers.
    static let roberta = robertaLike("roberta", "RobertaForSequenceClassification", vocabulary: 50265)

    /// XLM-R (Conneau et al. 2020): RoBERTa in a hundred languages.
    static let xlmRoberta = robertaLike("xlm-roberta", "XLMRobertaForSequenceClassification", vocabulary: 30522)

    private static func robertaLike(_ name: String, _ classifierClass: String, vocabulary: Int) -> TextEncoderFamily {
        TextEncoderFamily(
            name: name, classifierClass: classifierClass, prefix: "roberta",
            folder: { settings in
                var c = try TextEncoderConfiguration(settings, family: name, vocabulary: vocabulary)
                c.paddingToken = try settings.integer(ifPresent: "pad_token_id", in: 0...1 << 24) ?? 1
                return c
            },
            build: { c, m in try TextEncoderParts(bert: c, m) },
            head: { c, _, top, labels in
                let head = top["classifier"]
                return PlainMLP(
                    up: try head.projection("dense", inputs: c.hidden, outputs: c.hidden, bias: .required),
                    down: try head.projection("out_proj", inputs: c.hidden, outputs: labels, bias: .required), activation: .tanh)
            })
    }
}
