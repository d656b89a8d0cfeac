import ModelFiles

extension UnigramTokenizer {
    /// The tokenizer of a GGUF file whose `tokenizer.ggml.model` is `t5`: SentencePiece's unigram model, as llama.cpp writes it.
    /// - Throws: ``ModelFileError`` when something is missing or contradicts itself.
    convenience init(_ gguf: GGUFFile) throws(ModelFileError) {
        let texts = try gguf.strings("tokenizer.ggml.tokens")
        let scores = try gguf.floats("tokenizer.ggml.scores")
        let types = try gguf.integers(ifPresent: "tokenizer.ggml.token_type") ?? [Int](repeating: 1, count: texts.count)
        guard scores.count == texts.count, types.count == texts.count else {
            throw .malformed(
                file: gguf.name, detail: "has \(texts.count) tokens, \(scores.count) scores and \(types.count) kinds of tokens")
        }
        let map = try gguf.integers(ifPresent: "tokenizer.ggml.precompiled_charsmap") ?? []
        let end = try gguf.integer(ifPresent: "tokenizer.ggml.eos_token_id") ?? 1
        let unknown = try gguf.integer(ifPresent: "tokenizer.ggml.unknown_token_id") ?? 2
        let padding = try gguf.integer(ifPresent: "tokenizer.ggml.padding_token_id") ?? 0
        let kinds = types.map { TokenKind(rawValue: $0) ?? .normal }
        var parts = Parts(
            file: gguf.name, texts: texts, scores: scores, kinds: kinds,
            map: try CharacterMap(map.map { UInt8(truncatingIfNeeded: $0) }, file: gguf.name),
            normalization: .sentencePiece(
                addsPrefix: try gguf.bool(ifPresent: "tokenizer.ggml.add_space_prefix") ?? true,
                removesExtraSpace: try gguf.bool(ifPresent: "tokenizer.ggml.remove_extra_whitespaces") ?? true),
            unknown: unknown, end: end, padding: padding, isSingle: true, endsOnce: true)
        if try gguf.bool(ifPresent: "tokenizer.ggml.add_eos_token") ?? true, texts.indices.contains(end) { parts.suffix = [Int32(end)] }
        parts.begin = try gguf.specialToken("tokenizer.ggml.bos_token_id", count: texts.count)
        if try gguf.bool(ifPresent: "tokenizer.ggml.add_bos_token") ?? false {
            parts.prefix = try gguf.required(parts.begin, "tokenizer.ggml.bos_token_id")
        }
        parts.stops = try gguf.endsOfText(tokens: texts.count) { name in
            texts.firstIndex { $0.utf8.elementsEqual(name.utf8) }.map(Int32.init)
        }
        parts.addedTokens = AddedTokens.entries(texts, kinds, of: [.control, .unknown, .userDefined])
        try self.init(parts)
    }
}
