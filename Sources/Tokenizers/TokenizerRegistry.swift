import ModelFiles

/// The kinds of tokenizers, under the names that files give them.
///
/// A new kind is a type that conforms to ``Tokenizer`` and a line in each table. A name that no table has is refused: other tokens
/// than those a model was trained on would be worse than none.
public enum TokenizerRegistry {
    private typealias FromGGUF = @Sendable (GGUFFile) throws(ModelFileError) -> any Tokenizer
    private typealias FromJSON = @Sendable (JSONDocument, TokenReference?, TokenReference?, [Int]) throws(ModelFileError) -> any Tokenizer

    /// By `tokenizer.ggml.model`.
    private static let ggufModels: [String: FromGGUF] = [
        "gpt2": { file throws(ModelFileError) in try ByteLevelTokenizer(file) },
        "llama": { file throws(ModelFileError) in try SentencePieceTokenizer(file) },
        "t5": { file throws(ModelFileError) in try UnigramTokenizer(file) },
    ]

    /// By `model.type` of a Hugging Face `tokenizer.json`.
    private static let jsonModels: [String: FromJSON] = [
        "BPE": { document, begin, end, stops throws(ModelFileError) in
            if CLIPTokenizer.isDescribed(by: document) { return try CLIPTokenizer(tokenizerJSON: document, settings: []) }
            if SentencePieceTokenizer.isDescribed(by: document) {
                return try SentencePieceTokenizer(tokenizerJSON: document, beginOfSequence: begin, endOfSequence: end, stopNumbers: stops)
            }
            return try ByteLevelTokenizer(tokenizerJSON: document, beginOfSequence: begin, endOfSequence: end, stopNumbers: stops)
        },
        "WordPiece": { document, _, _, _ throws(ModelFileError) in try WordPieceTokenizer(tokenizerJSON: document) },
        "Unigram": { document, begin, end, stops throws(ModelFileError) in
            try UnigramTokenizer(tokenizerJSON: document, beginOfSequence: begin, endOfSequence: end, stopNumbers: stops)
        },
    ]

    /// The tokenizer of a GGUF file.
    /// - Throws: ``ModelFileError`` when something is missing, contradicts itself, or is of a kind that is not known.
    public static func load(_ gguf: GGUFFile) throws(ModelFileError) -> any Tokenizer {
        let name = try gguf.string("tokenizer.ggml.model")
        guard let load = ggufModels[name] else { throw unknown(name, of: ggufModels.keys, file: gguf.name) }
        return try load(gguf)
    }

    /// The tokenizer of a Hugging Face `tokenizer.json`, which does not say what begins and ends a text.
    /// - Throws: ``ModelFileError`` when something is missing, contradicts itself, or is of a kind that is not known.
    public static func load(tokenizerJSON document: JSONDocument) throws(ModelFileError) -> any Tokenizer {
        try load(tokenizerJSON: document, beginOfSequence: nil, endOfSequence: nil, stopNumbers: [])
    }

    static func load(
        tokenizerJSON document: JSONDocument, beginOfSequence: TokenReference?, endOfSequence: TokenReference?, stopNumbers: [Int]
    ) throws(ModelFileError) -> any Tokenizer {
        let name = try document.string(ifPresent: "model.type") ?? "BPE"
        guard let load = jsonModels[name] else { throw unknown(name, of: jsonModels.keys, file: document.name) }
        return try load(document, beginOfSequence, endOfSequence, stopNumbers)
    }

    private static func unknown(_ name: String, of known: some Sequence<String>, file: String) -> ModelFileError {
        let known = known.sorted().joined(separator: ", ")
        return .unsupported(file: file, detail: "the tokenizer model '\(name)' is not known (known: \(known))")
    }
}
