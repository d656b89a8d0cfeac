import Foundation
import ModelFiles

/// The tokenizer of BERT and its kin: words, and within a word that is no token the longest pieces from its beginning on; those behind the first are
/// spelt with a mark.
///
/// Source: Schuster and Nakajima, "Japanese and Korean voice search", 2012, as BERT has it (Devlin et al. 2019) and Hugging Face's `tokenizers` does
/// it.
public final class WordPieceTokenizer: Tokenizer {
    public let beginOfSequence: Int32?
    public let endOfSequence: Int32?
    public var stopTokens: Set<Int32> { [] }
    public let prefix: [Int32]
    public let suffix: [Int32]
    private let texts: [String]
    private let kinds: [TokenKind]
    private let numbers: ByteStringTable
    private let normalization: BERTNormalization
    private let unknown: Int32
    /// What spells a piece that is not a word's first: `##`.
    private let continuation: [UInt8]
    private let maximumCharacters: Int
    /// The bytes of the longest token.
    private let longest: Int
    private let addedTokens: AddedTokenPasses

    /// What a tokenizer is made of, from whatever file.
    struct Parts {
        /// What messages call the file.
        var file: String
        var texts: [String]
        var kinds: [TokenKind]
        var normalization: BERTNormalization
        var unknown: String
        var continuation = "##"
        /// A longer word is unknown.
        var maximumCharacters = 100
        var addedTokens: [AddedTokens.Entry] = []
        /// Those that are looked for in normalised text, spelt as it is.
        var addedTokensAfterNormalization: [AddedTokens.Entry] = []
        var prefix: [Int32] = []
        var suffix: [Int32] = []
    }

    init(_ parts: Parts) throws(ModelFileError) {
        precondition(parts.texts.count == parts.kinds.count, "every token has a kind")
        guard Int32(exactly: parts.texts.count) != nil else { throw .malformed(file: parts.file, detail: "has more than 2³¹ tokens") }
        var numbers = ByteStringTable(minimumCapacity: parts.texts.count)
        for (number, text) in parts.texts.enumerated() where !text.isEmpty {
            if let first = numbers.insert(text, Int32(number)) {
                throw .malformed(file: parts.file, detail: "the tokens \(first) and \(number) are both '\(text)'")
            }
        }
        guard let unknown = numbers.find(parts.unknown) else {
            throw .malformed(file: parts.file, detail: "has no token '\(parts.unknown)', which is to stand for unknown words")
        }
        self.unknown = unknown
        self.numbers = numbers
        (texts, kinds) = (parts.texts, parts.kinds)
        normalization = parts.normalization
        continuation = Array(parts.continuation.utf8)
        maximumCharacters = parts.maximumCharacters
        longest = parts.texts.lazy.map(\.utf8.count).max() ?? 0
        addedTokens = AddedTokenPasses(written: parts.addedTokens, normalized: parts.addedTokensAfterNormalization)
        (prefix, suffix) = (parts.prefix, parts.suffix)
        (beginOfSequence, endOfSequence) = (parts.prefix.first, parts.suffix.last)
    }

    public var vocabularySize: Int { texts.count }

    public func token(_ text: String) -> Int32? { numbers.find(text) }

    public func kind(_ token: Int32) -> TokenKind? { kinds.indices.contains(Int(token)) ? kinds[Int(token)] : nil }

    /// A piece without its mark; before a word's first stands a space. How words and punctuation were parted in the text is not known any more.
    public func bytes(of token: Int32, isFirst: Bool) -> [UInt8] {
        guard texts.indices.contains(Int(token)) else { return [] }
        let text = Array(texts[Int(token)].utf8)
        if kinds[Int(token)] == .normal, text.count > continuation.count, text.starts(with: continuation) {
            return Array(text.dropFirst(continuation.count))
        }
        return isFirst ? text : [UInt8(ascii: " ")] + text
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var output = addSpecial ? prefix : []
        var session = EncodingSession()
        addedTokens.encode(
            text, parsingSpecial: parseSpecial, into: &output,
            normalize: { Array(normalization.apply(String(decoding: $0, as: UTF8.self)).utf8) },
            words: { bytes, _, output in encodeWords(bytes, &output, &session) })
        if addSpecial { output += suffix }
        return output
    }

    private func encodeWords(_ bytes: ArraySlice<UInt8>, _ output: inout [Int32], _ session: inout EncodingSession) {
        let text = ScalarText(String(decoding: bytes, as: UTF8.self))
        bytes.withUnsafeBytes { bytes in
            BERTNormalization.forEachWord(in: text.scalars) { range in
                let word = UnsafeRawBufferPointer(rebasing: bytes[text.offsets[range.lowerBound]..<text.offsets[range.upperBound]])
                session.append(word, to: &output) { word, tokens, _ in
                    if range.count > maximumCharacters { tokens.append(unknown) } else { encode(word, into: &tokens) }
                }
            }
        }
    }

    /// Appends the pieces of a word, the longest first; the unknown token alone where its letters run out of pieces.
    private func encode(_ word: UnsafeRawBufferPointer, into output: inout [Int32]) {
        let count = output.count
        // Every piece but the first is looked up with the mark before it, which takes the place of what came before.
        var spelled = continuation + word
        var start = 0
        while start < word.count {
            let first = start == 0 ? continuation.count : start
            if start > 0 { spelled.replaceSubrange(start..<start + continuation.count, with: continuation) }
            var end = min(spelled.count, first + longest)
            let token = spelled.withUnsafeBytes { bytes -> Int32? in
                while end > start + continuation.count {
                    // Not within a character.
                    if end == bytes.count || bytes[end] & 0xC0 != 0x80,
                        let token = numbers.find(UnsafeRawBufferPointer(rebasing: bytes[first..<end]))
                    {
                        return token
                    }
                    end -= 1
                }
                return nil
            }
            guard let token else {
                output.removeSubrange(count...)
                return output.append(unknown)
            }
            output.append(token)
            start = end - continuation.count
        }
    }
}
