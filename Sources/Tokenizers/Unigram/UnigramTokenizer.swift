import ModelFiles

/// A unigram tokenizer over words with their spaces, as T5's: the most probable pieces of a text.
///
/// The same tokenizer comes from SentencePiece's `spiece.model`, from a Hugging Face `tokenizer.json`, or from a GGUF file.
public final class UnigramTokenizer: Tokenizer {
    public let beginOfSequence: Int32? = nil
    public let endOfSequence: Int32?
    public let stopTokens: Set<Int32>
    public let prefix: [Int32]
    public let suffix: [Int32]
    /// What fills a prompt up to the encoder's length.
    public let paddingToken: Int32
    private let texts: [String]
    private let kinds: [TokenKind]
    private let numbers: ByteStringTable
    private let pieces: PieceTable
    private let map: CharacterMap
    private let normalization: UnigramNormalization
    private let addedTokens: AddedTokens
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
        var end: Int?
        var padding: Int
        var addedTokens: [AddedTokens.Entry] = []
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
        for (number, use) in [(parts.unknown, "unknown text"), (parts.padding, "padding"), (parts.end ?? 0, "the end of a text")] {
            guard parts.texts.indices.contains(number) else {
                throw .malformed(file: parts.file, detail: "has \(count) tokens, but number \(number) is to stand for \(use)")
            }
        }
        var numbers = ByteStringTable(minimumCapacity: count)
        for (number, text) in parts.texts.enumerated() where !text.isEmpty { _ = numbers.insert(text, Int32(number)) }
        self.numbers = numbers
        texts = parts.texts
        kinds = parts.kinds
        // What has a purpose is not found in plain text.
        let searched = parts.texts.indices.map { number -> (text: String, score: Float)? in
            parts.kinds[number] == .normal && !parts.texts[number].isEmpty ? (parts.texts[number], parts.scores[number]) : nil
        }
        pieces = try PieceTable(pieces: searched, unknown: Int32(parts.unknown), isSingle: parts.isSingle, file: parts.file)
        map = parts.map
        normalization = parts.normalization
        addedTokens = AddedTokens(parts.addedTokens)
        endOfSequence = parts.end.map(Int32.init)
        stopTokens = Set([endOfSequence].compactMap { $0 })
        paddingToken = Int32(parts.padding)
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
        guard kinds[Int(token)] == .normal else { return Array(text.utf8) }
        let spelled = Array(text.unicodeScalars.map { $0 == "\u{2581}" ? " " : String($0) }.joined().utf8)
        return isFirst && spelled.first == UInt8(ascii: " ") ? Array(spelled.dropFirst()) : spelled
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var output = addSpecial ? prefix : []
        let bytes = Array(text.utf8)
        for segment in addedTokens.segments(of: bytes, parsingSpecial: parseSpecial) {
            switch segment {
            case .token(let token): output.append(token)
            case .text(let range):
                let normalized = normalization.apply(
                    String(decoding: bytes[range], as: UTF8.self), map, isFirst: range.lowerBound == 0)
                for word in normalization.words(normalized) { pieces.encode(word, into: &output) }
            }
        }
        if addSpecial, !endsOnce || output.suffix(suffix.count) != suffix[...] { output += suffix }
        return output
    }
}
