import ModelFiles

extension SentencePieceTokenizer {
    /// The tokenizer of SentencePiece's `tokenizer.model`, which says nothing about what is put before and after a text.
    /// - Parameters:
    ///   - stops: The tokens after which a model has said all.
    ///   - prefix: What is put before a text.
    ///   - suffix: What is put after it.
    /// - Throws: ``ModelFileError`` when the model is of another kind.
    package convenience init(
        _ model: SentencePieceModel, beginOfSequence: Int32?, endOfSequence: Int32?, prefix: [Int32], suffix: [Int32], stops: Set<Int32>
    ) throws(ModelFileError) {
        func unsupported(_ detail: String) -> ModelFileError { .unsupported(file: model.name, detail: detail) }
        guard model.algorithm == .bytePair else { throw unsupported("the SentencePiece model is no byte-pair encoding") }
        guard model.escapesWhitespace, !model.treatsWhitespaceAsSuffix, !model.removesExtraWhitespace, model.characterMap.isEmpty else {
            throw unsupported("the SentencePiece model changes text before it looks for pieces")
        }
        let scores = model.pieces.map(\.score)
        let texts = model.pieces.map(\.text)
        let kinds = model.pieces.map { TokenKind(rawValue: $0.kind.rawValue) ?? .normal }
        var parts = Parts(
            file: model.name, texts: texts, kinds: kinds, order: { _ in .scores(scores) },
            spacing: Spacing(prefix: model.addsDummyPrefix ? .first : .never, dropsFirst: model.addsDummyPrefix),
            fallsBackToBytes: kinds.contains(.byte), unknown: kinds.firstIndex(of: .unknown))
        parts.findAddedTokens()
        (parts.beginOfSequence, parts.endOfSequence, parts.prefix, parts.suffix) = (beginOfSequence, endOfSequence, prefix, suffix)
        parts.stopTokens = { _ in stops }
        try self.init(parts)
    }
}
