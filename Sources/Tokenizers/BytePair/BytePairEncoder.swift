import ModelFiles

/// Byte-pair encoding: a word begins as its bytes, and the neighbours with the earliest merge are joined until none has one.
///
/// Source: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", ACL 2016; over bytes as in GPT-2.
/// Bytes for which the vocabulary has no token are left out before merging, as Hugging Face's `tokenizers` does without an
/// unknown token.
struct BytePairEncoder: Sendable {
    /// The token of each byte, -1 when there is none.
    private let byteTokens: [Int32]
    /// The token of each byte at the end of a word, where the vocabulary tells it apart.
    private let lastByteTokens: [Int32]
    private let merges: MergeTable

    /// - Parameters:
    ///   - merges: the two texts of every merge, the earliest first; a pair that occurs again keeps its first rank.
    ///   - endOfWord: what the texts of tokens that end a word end with, such as CLIP's `</w>`.
    /// - Throws: ``ModelFileError/malformed(file:detail:)`` when a merge speaks of a token that does not exist.
    init(
        merges pairs: [(left: String, right: String)], vocabulary: Vocabulary, endOfWord: String = "", file: String
    ) throws(ModelFileError) {
        func tokens(_ suffix: String) -> [Int32] {
            (0...255).map { vocabulary.number(of: ByteLevelAlphabet.spell(CollectionOfOne(UInt8($0))) + Array(suffix.utf8)) ?? -1 }
        }
        byteTokens = tokens("")
        lastByteTokens = endOfWord.isEmpty ? byteTokens : tokens(endOfWord)
        merges = try MergeTable(pairs, file: file, number: vocabulary.number(of:))
    }

    /// Whether every byte has a token, within a word and at its end.
    var isComplete: Bool { !byteTokens.contains(-1) && !lastByteTokens.contains(-1) }

    /// Appends the tokens of a word.
    func encode(_ word: some Collection<UInt8>, into output: inout [Int32], _ work: inout SymbolMerger) {
        work.begin()
        for byte in word.dropLast() where byteTokens[Int(byte)] >= 0 { work.append(byteTokens[Int(byte)]) }
        for byte in word.suffix(1) where lastByteTokens[Int(byte)] >= 0 { work.append(lastByteTokens[Int(byte)]) }
        work.merge { merges[$0.tokens[$1], $0.tokens[$2]] }
        for token in work.tokens where token >= 0 { output.append(token) }
    }
}

/// What pairs of tokens become, by rank.
struct MergeTable: Sendable {
    private var merges: [UInt64: SymbolMerger.Merge] = [:]

    /// - Parameters:
    ///   - pairs: the two texts of every merge, the earliest first; a pair that occurs again keeps its first rank.
    ///   - number: the token of a text.
    /// - Throws: ``ModelFileError/malformed(file:detail:)`` when a merge speaks of a token that does not exist.
    init(
        _ pairs: [(left: String, right: String)], file: String, number: (String) -> Int32?
    ) throws(ModelFileError) {
        merges.reserveCapacity(pairs.count)
        for (rank, pair) in pairs.enumerated() {
            guard let left = number(pair.left), let right = number(pair.right), let result = number(pair.left + pair.right) else {
                throw .malformed(
                    file: file, detail: "the merge \(rank) ('\(pair.left)' with '\(pair.right)') is not of tokens of the vocabulary")
            }
            let key = MergeTable.key(left, right)
            if merges[key] == nil { merges[key] = SymbolMerger.Merge(rank: UInt32(rank), result: result) }
        }
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    subscript(left: Int32, right: Int32) -> SymbolMerger.Merge? { merges[MergeTable.key(left, right)] }
}
