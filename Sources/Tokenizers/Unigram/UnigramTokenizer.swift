import ModelFiles

/// A unigram tokenizer over words with their spaces, as those of T5 and XLM-R: the most probable pieces of a text.
///
/// The same tokenizer comes from SentencePiece's `spiece.model`, from a Hugging Face `tokenizer.json`, or from a GGUF file.
public final class UnigramTokenizer: Tokenizer {
    public let beginOfSequence: Int32?
    public let endOfSequence: Int32?
    public let stopTokens: Set<Int32>
    public let prefix: [Int32]
    public let suffix: [Int32]
    /// What fills a prompt up to the encoder's length; the token for unknown text where the file has none for this.
    public let paddingToken: Int32
    /// Whether the file has a token to fill a prompt up with.
    let hasPadding: Bool
    private let texts: [String]
    private let kinds: [TokenKind]
    private let numbers: ByteStringTable
    private let pieces: PieceTable
    private let map: CharacterMap
    private let normalization: UnigramNormalization
    private let addedTokens: AddedTokenPasses
    /// By byte; nil for a model whose unknown text is one token.
    private let byteTokens: [Int32]?
    private let endsOnce: Bool

    /// What a tokenizer is made of, from whatever file.
    struct Parts {
        /// What messages call the file.
        var file: String
        var texts: [String]
        var scores: [Float]
        var kinds: [TokenKind]
        var map: CharacterMap
        var normalization: UnigramNormalization
        var unknown: Int
        var begin: Int32?
        var end: Int?
        var padding: Int?
        /// Tokens that end a text beside ``end``.
        var stops: Set<Int32> = []
        /// Whether unknown text is spelt in tokens for its bytes.
        var fallsBackToBytes = false
        var addedTokens: [AddedTokens.Entry] = []
        /// Those that are looked for in normalised text, spelt as it is.
        var addedTokensAfterNormalization: [AddedTokens.Entry] = []
        var prefix: [Int32] = []
        var suffix: [Int32] = []
        /// Whether probabilities add up in f32.
        var isSingle: Bool
        /// Whether a text that ends in ``suffix`` already gets no other.
        var endsOnce = false
    }

    init(_ parts: Parts) throws(ModelFileError) {
        let count = parts.texts.count
        precondition(parts.scores.count == count && parts.kinds.count == count, "every token has a score and a kind")
        guard Int32(exactly: count) != nil else { throw .malformed(file: parts.file, detail: "has more than 2³¹ tokens") }
        for (number, use) in [(parts.unknown, "unknown text"), (parts.padding ?? 0, "padding"), (parts.end ?? 0, "the end of a text")] {
            guard parts.texts.indices.contains(number) else {
                throw .malformed(file: parts.file, detail: "has \(count) tokens, but number \(number) is to stand for \(use)")
            }
        }
        var numbers = ByteStringTable(minimumCapacity: count)
        for (number, text) in parts.texts.enumerated() where !text.isEmpty { _ = numbers.insert(text, Int32(number)) }
        self.numbers = numbers
        texts = parts.texts
        var kinds = parts.kinds
        if parts.fallsBackToBytes {
            var tokens = [Int32](repeating: -1, count: 256)
            for (number, text) in parts.texts.enumerated() where kinds[number] == .normal {
                guard let byte = SentencePieceTokenizer.byte(text) else { continue }
                tokens[Int(byte)] = Int32(number)
                kinds[number] = .byte
            }
            guard !tokens.contains(-1) else { throw .malformed(file: parts.file, detail: "falls back to bytes, and has no token for some") }
            byteTokens = tokens
        } else {
            byteTokens = nil
        }
        self.kinds = kinds
        // What has a purpose is not found in plain text; the names of bytes are, as in Hugging Face's code.
        let searched = parts.texts.indices.map { number -> (text: String, score: Float)? in
            parts.kinds[number] == .normal && !parts.texts[number].isEmpty ? (parts.texts[number], parts.scores[number]) : nil
        }
        pieces = try PieceTable(pieces: searched, unknown: Int32(parts.unknown), isSingle: parts.isSingle, file: parts.file)
        map = parts.map
        normalization = parts.normalization
        addedTokens = AddedTokenPasses(written: parts.addedTokens, normalized: parts.addedTokensAfterNormalization)
        beginOfSequence = parts.begin
        endOfSequence = parts.end.map(Int32.init)
        stopTokens = parts.stops.union([endOfSequence].compactMap { $0 })
        paddingToken = Int32(parts.padding ?? parts.unknown)
        hasPadding = parts.padding != nil
        (prefix, suffix) = (parts.prefix, parts.suffix)
        endsOnce = parts.endsOnce
    }

    public var vocabularySize: Int { texts.count }

    public func token(_ text: String) -> Int32? { numbers.find(text) }

    public func kind(_ token: Int32) -> TokenKind? { kinds.indices.contains(Int(token)) ? kinds[Int(token)] : nil }

    /// A piece with its spaces; a text begins without one.
    public func bytes(of token: Int32, isFirst: Bool) -> [UInt8] {
        guard texts.indices.contains(Int(token)) else { return [] }
        let text = texts[Int(token)]
        if kinds[Int(token)] == .byte, let byte = SentencePieceTokenizer.byte(text) { return [byte] }
        guard kinds[Int(token)] == .normal else { return Array(text.utf8) }
        let spelled = Array(text.unicodeScalars.map { $0 == "\u{2581}" ? " " : String($0) }.joined().utf8)
        return isFirst && spelled.first == UInt8(ascii: " ") ? Array(spelled.dropFirst()) : spelled
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var output = addSpecial ? prefix : []
        addedTokens.encode(
            text, parsingSpecial: parseSpecial, into: &output, normalize: { normalization.apply(String(decoding: $0, as: UTF8.self), map) },
            words: { text, isFirst, output in
                for word in normalization.words(normalization.marked(text, isFirst: isFirst)) {
                    pieces.encode(word, byteTokens: byteTokens, into: &output)
                }
            })
        if addSpecial, !endsOnce || output.suffix(suffix.count) != suffix[...] { output += suffix }
        return output
    }
}
