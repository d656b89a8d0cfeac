import ModelFiles

extension CLIPTokenizer {
    /// Whether a `tokenizer.json` is of CLIP's kind: its words end in tokens of their own.
    static func isDescribed(by document: JSONDocument) -> Bool { document.value("model.end_of_word_suffix")?.string == endOfWord }

    /// The tokenizer of a `tokenizer.json` as transformers writes it for CLIP; other steps than its own are refused.
    /// - Parameter settings: JSON documents that name the token to fill up with and the length, the first that says something counts.
    convenience init(tokenizerJSON document: JSONDocument, settings: [JSONDocument]) throws(ModelFileError) {
        let reader = TokenizerJSON(document)
        try CLIPTokenizer.checkSteps(reader)
        let (texts, kinds, added) = try reader.vocabulary()
        let (begin, end) = try CLIPTokenizer.ends(reader)
        var length: Int?
        for settings in settings where length == nil { length = try settings.statedMaximumLength() }
        var parts = Parts(
            file: document.name, texts: texts, kinds: kinds, merges: try reader.merges(), normalization: .stated, begin: begin, end: end,
            padding: CLIPTokenizer.paddingName(settings) ?? document.value("padding.pad_token")?.string ?? end, contextLength: length)
        (parts.addedTokens, parts.addedTokensAfterNormalization) = TokenizerJSON.passes(added, normalize: parts.normalization.apply)
        // A token to fill up with that is none of those added is looked for in texts as one of them, as transformers does.
        if let name = CLIPTokenizer.paddingName(settings), let number = texts.firstIndex(where: { $0.utf8.elementsEqual(name.utf8) }),
            !added.contains(where: { $0.entry.text.elementsEqual(name.utf8) })
        {
            parts.kinds[number] = .control
            parts.addedTokens.append(AddedTokens.Entry(text: Array(name.utf8), number: Int32(number), isSpecial: true))
        }
        try self.init(parts)
    }

    private static let pattern = #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#

    private static func checkSteps(_ reader: TokenizerJSON) throws(ModelFileError) {
        let document = reader.document
        for key in ["dropout", "continuing_subword_prefix"] {
            if let value = document.value("model.\(key)"), value.string != "" {
                throw reader.unsupported("the tokenizer's '\(key)' is set")
            }
        }
        for key in ["byte_fallback", "fuse_unk", "ignore_merges"] where try document.bool(ifPresent: "model.\(key)") == true {
            throw reader.unsupported("the tokenizer's '\(key)' is set, which CLIP's is not")
        }
        let normalizers = document.value("normalizer.normalizers")?.array ?? []
        guard normalizers.compactMap({ $0["type"]?.string }) == ["NFC", "Replace", "Lowercase"],
            normalizers[1]["pattern"]?["Regex"]?.string == #"\s+"#, normalizers[1]["content"]?.string == " "
        else { throw reader.unsupported("the normalizer is not CLIP's: form C, one space for any whitespace, lower case") }
        let steps = document.value("pre_tokenizer.pretokenizers")?.array ?? []
        guard steps.compactMap({ $0["type"]?.string }) == ["Split", "ByteLevel"], steps[0]["behavior"]?.string == "Removed",
            steps[0]["invert"]?.bool == true, steps[1]["add_prefix_space"]?.bool == false,
            let stated = steps[0]["pattern"]?["Regex"]?.string,
            // Newer files name the special tokens first, which the second step cuts up again.
            stated == pattern || stated == #"<\|startoftext\|>|<\|endoftext\|>|"# + pattern
        else { throw reader.unsupported("the pre-tokenizer is not CLIP's") }
    }

    /// The tokens that the post-processor puts before and after a text.
    private static func ends(_ reader: TokenizerJSON) throws(ModelFileError) -> (begin: String, end: String) {
        let processor = reader.document.value("post_processor")
        guard processor?["type"]?.string == "RobertaProcessing", let begin = processor?["cls"]?.array?.first?.string,
            let end = processor?["sep"]?.array?.first?.string
        else { throw reader.unsupported("the post-processor is not RobertaProcessing, which puts CLIP's begin and end around a text") }
        return (begin, end)
    }
}
