import ModelFiles

/// The tokenizer of CLIP's text encoders: byte-pair encoding of lower-cased words, whose last token is another than the same letters within
/// a word.
///
/// Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021, as transformers' `CLIPTokenizer`
/// and `CLIPTokenizerFast` do it.
public final class CLIPTokenizer: Tokenizer {
    public let beginOfSequence: Int32?
    public let endOfSequence: Int32?
    public var stopTokens: Set<Int32> { [end] }
    public var prefix: [Int32] { [begin] }
    public var suffix: [Int32] { [end] }
    /// What fills a prompt up to the encoder's length.
    public let paddingToken: Int32
    /// The tokens of a prompt with its begin and end, as the folder states it.
    public let contextLength: Int?
    private let begin: Int32
    private let end: Int32
    private let vocabulary: Vocabulary
    private let encoder: BytePairEncoder
    private let addedTokens: AddedTokenPasses
    private let normalization: CLIPNormalization
    /// Texts that are words of their own in normalised text, and stand for tokens.
    private let wholeWords: [[Unicode.Scalar]]

    /// What a tokenizer is made of, from whatever file.
    struct Parts {
        /// What messages call the file.
        var file: String
        var texts: [String]
        var kinds: [TokenKind]
        var merges: [(left: String, right: String)]
        var normalization: CLIPNormalization
        var addedTokens: [AddedTokens.Entry] = []
        var addedTokensAfterNormalization: [AddedTokens.Entry] = []
        var begin: String
        var end: String
        var padding: String
        var contextLength: Int?
    }

    static let endOfWord = "</w>"

    init(_ parts: Parts) throws(ModelFileError) {
        let vocabulary = try Vocabulary(texts: parts.texts, kinds: parts.kinds, file: parts.file)
        func required(_ name: String, _ use: String) throws(ModelFileError) -> Int32 {
            guard let number = vocabulary.number(of: name) else {
                throw .malformed(file: parts.file, detail: "has no token '\(name)', which is to \(use)")
            }
            return number
        }
        begin = try required(parts.begin, "begin a text")
        end = try required(parts.end, "end a text")
        paddingToken = try required(parts.padding, "fill up a text")
        (beginOfSequence, endOfSequence) = (begin, end)
        encoder = try BytePairEncoder(
            merges: parts.merges, vocabulary: vocabulary, endOfWord: CLIPTokenizer.endOfWord, file: parts.file)
        guard encoder.isComplete else {
            throw .unsupported(file: parts.file, detail: "the tokenizer has no token for some bytes, within or at the end of a word")
        }
        self.vocabulary = vocabulary
        addedTokens = AddedTokenPasses(written: parts.addedTokens, normalized: parts.addedTokensAfterNormalization)
        normalization = parts.normalization
        wholeWords = normalization == .basic ? [Array(parts.begin.unicodeScalars), Array(parts.end.unicodeScalars)] : []
        contextLength = parts.contextLength
    }

    public var vocabularySize: Int { vocabulary.count }

    public func token(_ text: String) -> Int32? { vocabulary.number(of: text) }

    public func kind(_ token: Int32) -> TokenKind? {
        token >= 0 && token < vocabulary.count ? vocabulary.kinds[Int(token)] : nil
    }

    /// A token that ends a word stands for its letters and a space.
    public func bytes(of token: Int32, isFirst: Bool) -> [UInt8] {
        let piece = vocabulary.piece(token)
        guard kind(token) == .normal, piece.count > Self.endOfWord.utf8.count,
            piece.suffix(Self.endOfWord.utf8.count).elementsEqual(Self.endOfWord.utf8)
        else { return Array(piece) }
        return piece.dropLast(Self.endOfWord.utf8.count) + [UInt8(ascii: " ")]
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var output = addSpecial ? prefix : []
        var session = EncodingSession()
        let whole = parseSpecial ? wholeWords : []
        addedTokens.encode(
            text, parsingSpecial: parseSpecial, into: &output,
            normalize: { Array(normalization.apply(String(decoding: $0, as: UTF8.self)).utf8) },
            words: { bytes, _, output in encodeWords(Array(bytes), whole, &output, &session) })
        if addSpecial { output += suffix }
        return output
    }

    private func encodeWords(_ bytes: [UInt8], _ whole: [[Unicode.Scalar]], _ output: inout [Int32], _ session: inout EncodingSession) {
        let text = ScalarText(String(decoding: bytes, as: UTF8.self))
        bytes.withUnsafeBytes { bytes in
            WordMatcher(text).clipWords(in: 0..<text.count, whole: whole, ignoringCase: normalization == .basic) { range in
                if let name = whole.first(where: { text.scalars[range].elementsEqual($0) }) {
                    output.append(name == whole[0] ? begin : end)
                    return
                }
                let word = UnsafeRawBufferPointer(rebasing: bytes[text.offsets[range.lowerBound]..<text.offsets[range.upperBound]])
                session.append(word, to: &output) { word, tokens, work in encoder.encode(word, into: &tokens, &work) }
            }
        }
    }
}
