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
        func resolve(_ reference: TokenReference?) throws(ModelFileError) -> Int32? {
            switch reference {
            case nil: return nil
            case .name(let name):
                // Settings may name a token that the vocabulary lacks; it then plays no part.
                return parts.texts.firstIndex { $0.utf8.elementsEqual(name.utf8) }.map(Int32.init)
            case .number(let number):
                guard parts.texts.indices.contains(number) else {
                    throw .malformed(file: document.name, detail: "has \(parts.texts.count) tokens, but number \(number) is to be special")
                }
                return Int32(number)
            }
        }
        parts.beginOfSequence = try resolve(beginOfSequence)
        parts.endOfSequence = try resolve(endOfSequence)
        // A number that is no token ends nothing.
        let stops = Set(stopNumbers.filter(parts.texts.indices.contains).map(Int32.init) + [parts.endOfSequence].compactMap { $0 })
        parts.stopTokens = { _ in stops }
        try self.init(parts)
    }
}
