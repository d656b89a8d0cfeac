import ModelFiles

extension ByteLevelTokenizer {
    /// The tokenizer of a Hugging Face `tokenizer.json` whose `model.type` is `BPE`: over bytes, with one of the pre-tokenizers known here.
    /// - Throws: ``ModelFileError`` when something is missing or contradicts itself, or asks for what is not known; better than tokens that
    ///   the model was not trained on.
    convenience init(
        tokenizerJSON document: JSONDocument, beginOfSequence: TokenReference?, endOfSequence: TokenReference?, stopNumbers: [Int]
    ) throws(ModelFileError) {
        let reader = TokenizerJSON(document)
        var parts = try reader.parts()
        parts.beginOfSequence = try reader.token(beginOfSequence, parts.texts)
        parts.endOfSequence = try reader.token(endOfSequence, parts.texts)
        let stops = reader.stops(stopNumbers, parts.texts, end: parts.endOfSequence)
        parts.stopTokens = { _ in stops }
        try self.init(parts)
    }
}
