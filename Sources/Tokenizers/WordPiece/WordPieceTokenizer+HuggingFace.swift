import ModelFiles

extension WordPieceTokenizer {
    /// The tokenizer of a Hugging Face `tokenizer.json` whose `model.type` is `WordPiece`, with BERT's steps; others are refused.
    /// - Throws: ``ModelFileError`` when something is missing or contradicts itself, or asks for what is not known.
    convenience init(tokenizerJSON document: JSONDocument) throws(ModelFileError) {
        let reader = TokenizerJSON(document)
        let (texts, kinds, added) = try reader.vocabulary()
        let normalization = try reader.bertNormalization()
        guard document.value("pre_tokenizer.type")?.string == "BertPreTokenizer" else {
            throw reader.unsupported(
                "the pre-tokenizer '\(document.value("pre_tokenizer.type")?.string ?? "without a type")' of the WordPiece model is not known (known: "
                    + "BertPreTokenizer)")
        }
        var parts = Parts(
            file: document.name, texts: texts, kinds: kinds, normalization: normalization,
            unknown: try document.string(ifPresent: "model.unk_token") ?? "[UNK]")
        parts.continuation = try document.string(ifPresent: "model.continuing_subword_prefix") ?? "##"
        parts.maximumCharacters = try document.integer(ifPresent: "model.max_input_chars_per_word") ?? 100
        (parts.addedTokens, parts.addedTokensAfterNormalization) = TokenizerJSON.passes(added, normalize: normalization.apply)
        (parts.prefix, parts.suffix) = try reader.postProcessing(document.value("post_processor"), tokenCount: texts.count)
        try self.init(parts)
    }

    /// The tokenizer of BERT's `vocab.txt`, a token a line, as transformers' `BertTokenizerFast` reads it.
    /// - Parameter settings: `tokenizer_config.json`: what the tokens with a purpose are called, and what happens to case, accents and ideographs.
    /// - Throws: ``ModelFileError`` when a token with a purpose is missing, or the settings ask for what is not known.
    convenience init(vocabulary: MappedFile, settings: JSONDocument?) throws(ModelFileError) {
        defer { withExtendedLifetime(vocabulary) {} }
        guard let text = String(validating: vocabulary.bytes, as: UTF8.self) else {
            throw .malformed(file: vocabulary.name, detail: "is not UTF-8")
        }
        // Scalars, since a carriage return and a line feed are one character.
        var texts = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(line.last == "\r" ? line.dropLast() : line)
        }
        if texts.last?.isEmpty == true { texts.removeLast() }
        var parts = Parts(
            file: vocabulary.name, texts: texts, kinds: [TokenKind](repeating: .normal, count: texts.count),
            normalization: BERTNormalization(), unknown: HuggingFaceFolder.tokenName(settings, "unk_token") ?? "[UNK]")
        for (key, usual) in [("unk", "[UNK]"), ("sep", "[SEP]"), ("pad", "[PAD]"), ("cls", "[CLS]"), ("mask", "[MASK]")] {
            let name = HuggingFaceFolder.tokenName(settings, key + "_token") ?? usual
            guard let number = texts.firstIndex(where: { $0.utf8.elementsEqual(name.utf8) }) else {
                throw .malformed(file: vocabulary.name, detail: "has no token '\(name)', which is one of those with a purpose")
            }
            parts.kinds[number] = .control
            parts.addedTokens.append(AddedTokens.Entry(text: Array(name.utf8), number: Int32(number), isSpecial: true))
            if key == "cls" { parts.prefix = [Int32(number)] }
            if key == "sep" { parts.suffix = [Int32(number)] }
        }
        if let settings {
            parts.normalization.lowercases = try settings.bool(ifPresent: "do_lower_case") ?? true
            parts.normalization.stripsAccents = try settings.bool(ifPresent: "strip_accents")
            parts.normalization.separatesIdeographs = try settings.bool(ifPresent: "tokenize_chinese_chars") ?? true
        }
        try self.init(parts)
    }
}

extension TokenizerJSON {
    fileprivate func bertNormalization() throws(ModelFileError) -> BERTNormalization {
        guard let normalizer = document.value("normalizer") else {
            return BERTNormalization(cleansText: false, separatesIdeographs: false, stripsAccents: false, lowercases: false)
        }
        guard normalizer["type"]?.string == "BertNormalizer" else {
            throw unsupported(
                "the normalizer '\(normalizer["type"]?.string ?? "without a type")' of the WordPiece model is not known (known: BertNormalizer)"
            )
        }
        return BERTNormalization(
            cleansText: try document.bool(ifPresent: "normalizer.clean_text") ?? true,
            separatesIdeographs: try document.bool(ifPresent: "normalizer.handle_chinese_chars") ?? true,
            stripsAccents: try document.bool(ifPresent: "normalizer.strip_accents"),
            lowercases: try document.bool(ifPresent: "normalizer.lowercase") ?? true)
    }
}
