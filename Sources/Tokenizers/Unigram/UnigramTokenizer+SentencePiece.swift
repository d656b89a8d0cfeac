import ModelFiles

extension UnigramTokenizer {
    /// The tokenizer of T5's `spiece.model`, as transformers' `T5Tokenizer` reads it.
    /// - Parameter extraTokens: How many tokens follow the file's, for what is left out of a text: `<extra_id_99>` to `<extra_id_0>` for T5.
    /// - Throws: ``ModelFileError`` when the model is of another kind or contradicts itself.
    public convenience init(_ model: SentencePieceModel, extraTokens: Int = 100) throws(ModelFileError) {
        func unsupported(_ detail: String) -> ModelFileError { .unsupported(file: model.name, detail: detail) }
        guard model.algorithm == .unigram else { throw unsupported("the SentencePiece model is no unigram model") }
        guard model.escapesWhitespace, !model.treatsWhitespaceAsSuffix else {
            throw unsupported("the SentencePiece model does not write spaces as U+2581 before words")
        }
        let kinds = try model.pieces.map { piece throws(ModelFileError) -> TokenKind in
            switch piece.kind {
            case .normal: return .normal
            case .unknown: return .unknown
            case .control: return .control
            case .unused: return .unused
            case .userDefined, .byte: throw unsupported("the piece '\(piece.text)' is of a kind that T5's models do not have")
            }
        }
        guard let unknown = kinds.firstIndex(of: .unknown) else {
            throw .malformed(file: model.name, detail: "has no piece for unknown text")
        }
        func number(_ text: String) throws(ModelFileError) -> Int {
            guard let number = model.pieces.firstIndex(where: { $0.text == text }) else {
                throw .malformed(file: model.name, detail: "has no piece '\(text)'")
            }
            return number
        }
        let (end, padding) = (try number("</s>"), try number("<pad>"))
        var parts = Parts(
            file: model.name, texts: model.pieces.map(\.text), scores: model.pieces.map(\.score), kinds: kinds,
            map: try CharacterMap(model.characterMap, file: model.name),
            normalization: .sentencePiece(addsPrefix: model.addsDummyPrefix, removesExtraSpace: model.removesExtraWhitespace),
            unknown: unknown, end: end, padding: padding, suffix: [Int32(end)], isSingle: true, endsOnce: true)
        for number in [unknown, end, padding] {
            parts.addedTokens.append(
                AddedTokens.Entry(text: Array(parts.texts[number].utf8), number: Int32(number), isSpecial: true))
        }
        for index in (0..<extraTokens).reversed() {
            let text = "<extra_id_\(index)>"
            parts.addedTokens.append(
                AddedTokens.Entry(
                    text: Array(text.utf8), number: Int32(parts.texts.count), isSpecial: true, stripsLeft: true, stripsRight: true))
            parts.texts.append(text)
            parts.scores.append(0)
            parts.kinds.append(.control)
        }
        try self.init(parts)
    }
}
