import Foundation
import ModelFiles

/// Byte-level byte-pair encoding between text and token numbers, as a model's own tokenizer does it.
///
/// Text is first cut at added tokens, each stretch between them is cut into words (``PreTokenizer``), and the bytes of each word are
/// merged by rank. The same tokenizer comes from a GGUF file or from a Hugging Face `tokenizer.json`.
///
/// Where several added tokens match, the leftmost is taken, and of those the longest.
public final class ByteLevelTokenizer: Tokenizer {
    /// How text is cut into words.
    public let preTokenizer: PreTokenizer
    public let beginOfSequence: Int32?
    public let endOfSequence: Int32?
    public let stopTokens: Set<Int32>
    public let prefix: [Int32]
    public let suffix: [Int32]
    let vocabulary: Vocabulary
    private let encoder: BytePairEncoder
    private let addedTokens: AddedTokenPasses
    private let normalizes: Bool
    private let ignoresMerges: Bool
    private let addsPrefixSpace: Bool

    /// What a tokenizer is made of, from whatever file.
    struct Parts {
        /// What messages call the file.
        var file: String
        var texts: [String]
        var kinds: [TokenKind]
        var merges: [(left: String, right: String)]
        var preTokenizer: PreTokenizer
        /// Whether text is brought into Unicode's normalisation form C first.
        var normalizes = false
        /// Whether a word that is a token is not split further.
        var ignoresMerges = false
        /// Whether text that begins without a space gets one, at its beginning and behind added tokens.
        var addsPrefixSpace = false
        var addedTokens: [AddedTokens.Entry] = []
        /// Those that are looked for in normalised text.
        var addedTokensAfterNormalization: [AddedTokens.Entry] = []
        var beginOfSequence: Int32?
        var endOfSequence: Int32?
        /// The tokens after which a model has said all.
        var stopTokens: (Vocabulary) throws(ModelFileError) -> Set<Int32> = { _ in [] }
        var prefix: [Int32] = []
        var suffix: [Int32] = []
    }

    init(_ parts: Parts) throws(ModelFileError) {
        vocabulary = try Vocabulary(texts: parts.texts, kinds: parts.kinds, file: parts.file)
        encoder = try BytePairEncoder(merges: parts.merges, vocabulary: vocabulary, file: parts.file)
        preTokenizer = parts.preTokenizer
        normalizes = parts.normalizes
        ignoresMerges = parts.ignoresMerges
        addsPrefixSpace = parts.addsPrefixSpace
        addedTokens = AddedTokenPasses(written: parts.addedTokens, normalized: parts.addedTokensAfterNormalization)
        beginOfSequence = parts.beginOfSequence
        endOfSequence = parts.endOfSequence
        prefix = parts.prefix
        suffix = parts.suffix
        stopTokens = try parts.stopTokens(vocabulary)
    }

    public var vocabularySize: Int { vocabulary.count }

    public func token(_ text: String) -> Int32? { vocabulary.number(of: text) }

    public func kind(_ token: Int32) -> TokenKind? {
        token >= 0 && token < vocabulary.count ? vocabulary.kinds[Int(token)] : nil
    }

    /// The bytes of a byte-level token are the same wherever it stands.
    public func bytes(of token: Int32, isFirst: Bool) -> [UInt8] { Array(vocabulary.piece(token)) }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var output = addSpecial ? prefix : []
        var session = EncodingSession()
        addedTokens.encode(
            text, parsingSpecial: parseSpecial, into: &output, normalize: normalized,
            words: { bytes, _, output in
                let adds = addsPrefixSpace && bytes.first != UInt8(ascii: " ")
                encodeWords(adds ? [UInt8(ascii: " ")] + bytes : bytes, &output, &session)
            })
        if addSpecial { output += suffix }
        return output
    }

    private func normalized(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard normalizes, bytes.contains(where: { $0 >= 128 }) else { return Array(bytes) }
        return Array(String(decoding: bytes, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
    }

    private func encodeWords(_ bytes: ArraySlice<UInt8>, _ output: inout [Int32], _ session: inout EncodingSession) {
        let text = ScalarText(String(decoding: bytes, as: UTF8.self))
        bytes.withUnsafeBytes { bytes in
            preTokenizer.forEachWord(in: text) { range in
                let word = UnsafeRawBufferPointer(rebasing: bytes[text.offsets[range.lowerBound]..<text.offsets[range.upperBound]])
                session.append(word, to: &output) { word, tokens, work in
                    if ignoresMerges, let token = vocabulary.number(of: ByteLevelAlphabet.spell(word)) {
                        tokens.append(token)
                    } else {
                        encoder.encode(word, into: &tokens, &work)
                    }
                }
            }
        }
    }
}
