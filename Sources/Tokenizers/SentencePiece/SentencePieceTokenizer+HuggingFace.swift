import ModelFiles

extension SentencePieceTokenizer {
    private static let mark = "\u{2581}"

    /// Whether a `tokenizer.json` of byte-pair encoding writes spaces as U+2581, and so is not over bytes.
    static func isDescribed(by document: JSONDocument) -> Bool {
        let reader = TokenizerJSON(document)
        let steps = reader.steps("normalizer", "normalizers") + reader.steps("pre_tokenizer", "pretokenizers")
        return steps.contains { $0["type"]?.string == "Metaspace" || $0["content"]?.string == mark || $0["prepend"]?.string == mark }
    }

    /// The tokenizer of a Hugging Face `tokenizer.json` whose `model.type` is `BPE`, with the steps that SentencePiece's models are converted to;
    /// others are refused.
    /// - Throws: ``ModelFileError`` when something is missing or contradicts itself, or asks for what is not known.
    convenience init(
        tokenizerJSON document: JSONDocument, beginOfSequence: TokenReference?, endOfSequence: TokenReference?, stopNumbers: [Int]
    ) throws(ModelFileError) {
        let reader = TokenizerJSON(document)
        try reader.requirePlainMerges()
        let (texts, kinds, added) = try reader.vocabulary()
        guard !added.contains(where: \.isNormalized) else {
            throw reader.unsupported(
                "an added token is looked for in normalised text, which is not known of tokenizers with U+2581 for spaces")
        }
        let merges = try reader.merges()
        let fallsBack = try document.bool(ifPresent: "model.byte_fallback") ?? false
        let spacing = try reader.spacing()
        var parts = Parts(
            file: document.name, texts: texts,
            kinds: zip(texts, kinds).map { fallsBack && $1 == .normal && SentencePieceTokenizer.byte($0) != nil ? .byte : $1 },
            order: { numbers throws(ModelFileError) in .merges(try MergeTable(merges, file: document.name) { numbers.find($0) }) },
            spacing: spacing, fallsBackToBytes: fallsBack)
        if let unknown = try document.string(ifPresent: "model.unk_token") {
            guard let number = texts.firstIndex(where: { $0.utf8.elementsEqual(unknown.utf8) }) else {
                throw reader.malformed("the token '\(unknown)' for unknown text is not in the vocabulary")
            }
            parts.unknown = number
        }
        parts.fusesUnknown = try document.bool(ifPresent: "model.fuse_unk") ?? false
        parts.ignoresMerges = try document.bool(ifPresent: "model.ignore_merges") ?? false
        parts.mergesAdded = true
        parts.addedTokens = added.map(\.entry)
        (parts.prefix, parts.suffix) = try reader.postProcessing(document.value("post_processor"), tokenCount: texts.count)
        parts.beginOfSequence = try reader.token(beginOfSequence, texts)
        parts.endOfSequence = try reader.token(endOfSequence, texts)
        let stops = reader.stops(stopNumbers, texts, end: parts.endOfSequence)
        parts.stopTokens = { _ in stops }
        try self.init(parts)
    }
}

extension TokenizerJSON {
    /// The steps of a normaliser or pre-tokenizer, one or in a sequence.
    func steps(_ key: String, _ list: String) -> [JSONValue] {
        guard let value = document.value(key) else { return [] }
        return value["type"]?.string == "Sequence" ? value[list]?.array ?? [] : [value]
    }

    /// What happens to spaces: `Prepend` and `Replace`, or `Metaspace`, which newer files have.
    fileprivate func spacing() throws(ModelFileError) -> SentencePieceTokenizer.Spacing {
        let mark = "\u{2581}"
        var spacing = SentencePieceTokenizer.Spacing(prefix: .never, dropsFirst: false)
        var replaces = false
        for step in steps("normalizer", "normalizers") {
            switch step["type"]?.string {
            case "Prepend" where step["prepend"]?.string == mark && !replaces: spacing.prefix = .every
            case "Replace" where step["pattern"]?["String"]?.string == " " && step["content"]?.string == mark: replaces = true
            case let type: throw unsupported("the normalizer's step '\(type ?? "without a type")' is not one of SentencePiece's")
            }
        }
        for step in steps("pre_tokenizer", "pretokenizers") {
            switch step["type"]?.string {
            // Without spaces there is nothing to split at.
            case "Split" where replaces && step["pattern"]?["String"]?.string == " " && step["behavior"]?.string != "Removed": break
            case "Metaspace" where !replaces && step["replacement"]?.string == mark:
                replaces = true
                spacing.repeatsPrefix = false
                spacing.splitsWords = step["split"]?.bool ?? true
                switch step["prepend_scheme"]?.string {
                case "always": spacing.prefix = .every
                case "first": spacing.prefix = .first
                case "never": spacing.prefix = .never
                case nil: spacing.prefix = step["add_prefix_space"]?.bool ?? true ? .every : .never
                case let other?: throw unsupported("the prefix rule '\(other)' is not known")
                }
            case let type: throw unsupported("the pre-tokenizer's step '\(type ?? "without a type")' is not one of SentencePiece's")
            }
        }
        guard replaces else { throw unsupported("the tokenizer does not write spaces as U+2581") }
        for step in steps("decoder", "decoders") {
            switch step["type"]?.string {
            case "Strip" where step["content"]?.string == " " && step["start"]?.integer == 1 && step["stop"]?.integer ?? 0 == 0:
                spacing.dropsFirst = true
            case "Metaspace": spacing.dropsFirst = spacing.prefix != .never
            case "Replace" where step["pattern"]?["String"]?.string == mark && step["content"]?.string == " ": break
            case "ByteFallback", "Fuse": break
            case let type: throw unsupported("the decoder's step '\(type ?? "without a type")' is not one of SentencePiece's")
            }
        }
        return spacing
    }
}
