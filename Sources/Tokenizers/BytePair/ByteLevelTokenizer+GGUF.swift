import ModelFiles

extension ByteLevelTokenizer {
    /// The tokenizer of a GGUF file whose `tokenizer.ggml.model` is `gpt2`.
    ///
    /// The file says which tokens there are and what for, their merges, the name of the pre-tokenizer (`default` when absent, as in
    /// llama.cpp), and which tokens begin and end a text. It does not say how text is normalised: Qwen 2 uses form C, the
    /// others nothing.
    /// - Throws: ``ModelFileError`` when something is missing, contradicts itself, or is of a kind that is not known.
    convenience init(_ gguf: GGUFFile) throws(ModelFileError) {
        let preName = try gguf.string(ifPresent: "tokenizer.ggml.pre") ?? "default"
        guard let preTokenizer = PreTokenizer(ggufName: preName) else {
            let known = PreTokenizer.allCases.map(\.rawValue).joined(separator: ", ")
            throw .unsupported(file: gguf.name, detail: "the pre-tokenizer '\(preName)' is not known (known: \(known))")
        }
        let texts = try gguf.strings("tokenizer.ggml.tokens")
        let kinds = try gguf.tokenKinds(count: texts.count)
        var parts = Parts(
            file: gguf.name, texts: texts, kinds: kinds, merges: try ByteLevelTokenizer.merges(gguf), preTokenizer: preTokenizer,
            normalizes: preTokenizer == .qwen2, ignoresMerges: PreTokenizer.takesWordsWhole(ggufName: preName))
        parts.addedTokens = AddedTokens.entries(texts, kinds, of: [.control, .unknown, .userDefined])
        parts.beginOfSequence = try gguf.specialToken("tokenizer.ggml.bos_token_id", count: texts.count)
        parts.endOfSequence = try gguf.specialToken("tokenizer.ggml.eos_token_id", count: texts.count)
        if try gguf.bool(ifPresent: "tokenizer.ggml.add_bos_token") ?? PreTokenizer.takesWordsWhole(ggufName: preName) {
            parts.prefix = try gguf.required(parts.beginOfSequence, "tokenizer.ggml.bos_token_id")
        }
        if try gguf.bool(ifPresent: "tokenizer.ggml.add_eos_token") ?? false {
            parts.suffix = try gguf.required(parts.endOfSequence, "tokenizer.ggml.eos_token_id")
        }
        parts.stopTokens = { vocabulary throws(ModelFileError) in
            try gguf.endsOfText(tokens: vocabulary.count, number: vocabulary.number(of:))
        }
        try self.init(parts)
    }

    private static func merges(_ gguf: GGUFFile) throws(ModelFileError) -> [(left: String, right: String)] {
        var merges: [(left: String, right: String)] = []
        for (rank, line) in try gguf.strings("tokenizer.ggml.merges").enumerated() {
            guard let merge = splitMerge(line) else {
                throw .malformed(file: gguf.name, detail: "the merge \(rank) ('\(line)') is not two texts with a space between them")
            }
            merges.append(merge)
        }
        return merges
    }

    /// The two halves of a merge, written with a space between them; a space that is the first character belongs to the left half.
    static func splitMerge(_ line: String) -> (left: String, right: String)? {
        let bytes = line.utf8
        guard let space = bytes.dropFirst().firstIndex(of: UInt8(ascii: " ")) else { return nil }
        let right = bytes.index(after: space)
        guard right < bytes.endIndex else { return nil }
        return (String(line[..<space]), String(line[right...]))
    }
}
