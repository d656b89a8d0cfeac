import ModelFiles

extension SentencePieceTokenizer {
    /// The tokenizer of a GGUF file whose `tokenizer.ggml.model` is `llama`: SentencePiece's byte-pair encoding by the scores of pieces.
    /// - Throws: ``ModelFileError`` when something is missing or contradicts itself.
    convenience init(_ gguf: GGUFFile) throws(ModelFileError) {
        let texts = try gguf.strings("tokenizer.ggml.tokens")
        let scores = try gguf.floats("tokenizer.ggml.scores")
        guard scores.count == texts.count, !scores.contains(where: \.isNaN) else {
            throw .malformed(file: gguf.name, detail: "has \(texts.count) tokens and \(scores.count) scores, or a score that is no number")
        }
        let kinds = try gguf.tokenKinds(count: texts.count)
        let addsPrefix = try gguf.bool(ifPresent: "tokenizer.ggml.add_space_prefix") ?? true
        var parts = Parts(
            file: gguf.name, texts: texts, kinds: kinds, order: { _ in .scores(scores) },
            spacing: Spacing(prefix: addsPrefix ? .every : .never, dropsFirst: addsPrefix),
            unknown: try gguf.specialToken("tokenizer.ggml.unknown_token_id", count: texts.count).map(Int.init))
        parts.findAddedTokens()
        parts.beginOfSequence = try gguf.specialToken("tokenizer.ggml.bos_token_id", count: texts.count)
        parts.endOfSequence = try gguf.specialToken("tokenizer.ggml.eos_token_id", count: texts.count)
        if try gguf.bool(ifPresent: "tokenizer.ggml.add_bos_token") ?? true {
            parts.prefix = try gguf.required(parts.beginOfSequence, "tokenizer.ggml.bos_token_id")
        }
        if try gguf.bool(ifPresent: "tokenizer.ggml.add_eos_token") ?? false {
            parts.suffix = try gguf.required(parts.endOfSequence, "tokenizer.ggml.eos_token_id")
        }
        parts.stopTokens = { numbers throws(ModelFileError) in
            try gguf.endsOfText(tokens: texts.count) { numbers.find($0) }
        }
        try self.init(parts)
    }
}
