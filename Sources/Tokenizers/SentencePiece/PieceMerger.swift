import ModelFiles

/// Byte-pair encoding over characters: a text begins as its characters, and neighbours are joined while their joint text is a piece.
///
/// Source: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", ACL 2016, as in SentencePiece's
/// `bpe_model.cc`, which joins the neighbours whose piece has the best score, and in Hugging Face's `tokenizers`, which goes by a list of
/// merges.
struct PieceMerger: Sendable {
    /// In which order neighbours are joined.
    enum Order: Sendable {
        /// By the scores of the pieces, by number.
        case scores([Float])
        case merges(MergeTable)
    }

    private let numbers: ByteStringTable
    private let rule: Rule
    /// The pieces that text is merged through and that are split again in the end, by number: the length of what was on the left.
    private let unused: Set<Int32>
    /// The token of each byte, -1 where there is none.
    private let byteTokens: [Int32]
    /// What stands for a character without a token, where bytes do not; nil to leave it out.
    private let unknown: Int32?
    /// Whether a run of unknown characters is one token.
    private let fusesUnknown: Bool
    /// Whether a text begins as its bytes, and not as its characters.
    private let isOverBytes: Bool

    private enum Rule: Sendable {
        /// By number: the rank of a piece.
        case scores([UInt32])
        case merges(MergeTable)
    }

    /// A character without a token.
    private static let none: Int32 = -2

    /// - Parameters:
    ///   - numbers: Of the pieces that are found in a text.
    ///   - unused: Those of them that are split again.
    ///   - bytes: The token of each byte, -1 where there is none; empty to not fall back to bytes.
    init(
        numbers: ByteStringTable, order: Order, unused: Set<Int32> = [], isOverBytes: Bool = false, bytes: [Int32], unknown: Int32?,
        fusesUnknown: Bool
    ) {
        precondition(bytes.isEmpty || bytes.count == 256, "a token for every byte")
        self.numbers = numbers
        self.unused = unused
        self.isOverBytes = isOverBytes
        byteTokens = bytes
        self.unknown = unknown
        self.fusesUnknown = fusesUnknown
        switch order {
        case .scores(let scores): rule = .scores(scores.map(PieceMerger.rank))
        case .merges(let merges): rule = .merges(merges)
        }
    }

    /// A number that is the smaller, the larger the score.
    private static func rank(_ score: Float) -> UInt32 {
        // Of floating-point numbers of one sign, those with larger bits are larger in size. Both zeros are one.
        let bits = (score == 0 ? 0 : score).bitPattern
        return bits >> 31 == 1 ? bits : ~bits & 0x7FFF_FFFF
    }

    /// The token of a whole text, where it is one.
    func number(of text: ArraySlice<UInt8>) -> Int32? { text.withUnsafeBytes { numbers.find($0) } }

    /// Appends the tokens of normalised text.
    func encode(_ text: ArraySlice<UInt8>, into output: inout [Int32], _ work: inout SymbolMerger) {
        text.withUnsafeBytes { text in
            var starts: [Int] = []
            starts.reserveCapacity(text.count + 1)
            for (place, byte) in text.enumerated() where isOverBytes || byte & 0xC0 != 0x80 || place == 0 { starts.append(place) }
            starts.append(text.count)
            func piece(_ first: Int, _ last: Int) -> Int32? {
                numbers.find(UnsafeRawBufferPointer(rebasing: text[starts[first]..<starts[last]]))
            }
            work.begin()
            for index in 0..<starts.count - 1 { work.append(piece(index, index + 1) ?? PieceMerger.none) }
            /// The lengths of the left halves of unused pieces.
            var halves: [Int32: Int] = [:]
            switch rule {
            case .merges(let merges): work.merge { merges[$0.tokens[$1], $0.tokens[$2]] }
            case .scores(let ranks):
                work.merge { symbols, left, right in
                    guard let result = piece(left, symbols.end(of: right)) else { return nil }
                    if unused.contains(result) { halves[result] = starts[right] - starts[left] }
                    return SymbolMerger.Merge(rank: ranks[Int(result)], result: result)
                }
            }
            var isAfterUnknown = false
            func append(_ token: Int32, _ range: Range<Int>) {
                // What an unused piece was joined from.
                if let half = halves[token], unused.contains(token), half < range.count {
                    let middle = range.lowerBound + half
                    for part in [range.lowerBound..<middle, middle..<range.upperBound] {
                        append(numbers.find(UnsafeRawBufferPointer(rebasing: text[part])) ?? PieceMerger.none, part)
                    }
                    return
                }
                if token != PieceMerger.none {
                    isAfterUnknown = false
                    output.append(token)
                } else if !byteTokens.isEmpty, text[range].allSatisfy({ byteTokens[Int($0)] >= 0 }) {
                    isAfterUnknown = false
                    for byte in text[range] { output.append(byteTokens[Int(byte)]) }
                } else if let unknown {
                    if !isAfterUnknown || !fusesUnknown { output.append(unknown) }
                    isAfterUnknown = true
                }
            }
            for (index, token) in work.tokens.enumerated() where token != SymbolMerger.merged {
                append(token, starts[index]..<starts[work.end(of: index)])
            }
        }
    }
}
