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
    private let merges: [UInt64: Merge]

    private struct Merge {
        let rank: UInt32
        let result: Int32
    }

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
        var merges: [UInt64: Merge] = [:]
        merges.reserveCapacity(pairs.count)
        for (rank, pair) in pairs.enumerated() {
            guard let left = vocabulary.number(of: pair.left), let right = vocabulary.number(of: pair.right),
                let result = vocabulary.number(of: pair.left + pair.right)
            else {
                throw .malformed(
                    file: file, detail: "the merge \(rank) ('\(pair.left)' with '\(pair.right)') is not of tokens of the vocabulary")
            }
            let key = BytePairEncoder.key(left, right)
            if merges[key] == nil { merges[key] = Merge(rank: UInt32(rank), result: result) }
        }
        self.merges = merges
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Whether every byte has a token, within a word and at its end.
    var isComplete: Bool { !byteTokens.contains(-1) && !lastByteTokens.contains(-1) }

    /// The symbols of a word as a linked list, kept between words to reuse its memory.
    struct Workspace {
        fileprivate var tokens: [Int32] = []
        /// The index of the symbol after and before each; -1 at the ends. A symbol merged into its left neighbour has token -1.
        fileprivate var next: [Int32] = []
        fileprivate var previous: [Int32] = []
        /// Candidate merges, the rank in the high half and the index of the left symbol in the low half.
        fileprivate var candidates = MinimumHeap()
    }

    /// Appends the tokens of a word.
    func encode(_ word: some Collection<UInt8>, into output: inout [Int32], _ work: inout Workspace) {
        work.tokens.removeAll(keepingCapacity: true)
        for byte in word.dropLast() where byteTokens[Int(byte)] >= 0 { work.tokens.append(byteTokens[Int(byte)]) }
        for byte in word.suffix(1) where lastByteTokens[Int(byte)] >= 0 { work.tokens.append(lastByteTokens[Int(byte)]) }
        let count = work.tokens.count
        guard count > 1 else {
            output.append(contentsOf: work.tokens)
            return
        }
        work.next.removeAll(keepingCapacity: true)
        work.previous.removeAll(keepingCapacity: true)
        work.candidates.removeAll()
        for index in 0..<count {
            work.next.append(index + 1 < count ? Int32(index + 1) : -1)
            work.previous.append(Int32(index - 1))
        }
        for index in 0..<count - 1 { propose(Int32(index), &work) }
        while let candidate = work.candidates.popMinimum() {
            let left = Int(candidate & 0xFFFF_FFFF)
            // The symbols may have changed since the merge was proposed.
            guard work.tokens[left] >= 0, let right = Int(exactly: work.next[left]), right >= 0,
                let merge = merges[BytePairEncoder.key(work.tokens[left], work.tokens[right])], merge.rank == UInt32(candidate >> 32)
            else { continue }
            work.tokens[left] = merge.result
            work.tokens[right] = -1
            work.next[left] = work.next[right]
            if work.next[right] >= 0 { work.previous[Int(work.next[right])] = Int32(left) }
            if work.previous[left] >= 0 { propose(work.previous[left], &work) }
            propose(Int32(left), &work)
        }
        for token in work.tokens where token >= 0 { output.append(token) }
    }

    private func propose(_ left: Int32, _ work: inout Workspace) {
        let right = work.next[Int(left)]
        guard right >= 0, let merge = merges[BytePairEncoder.key(work.tokens[Int(left)], work.tokens[Int(right)])] else { return }
        work.candidates.push(UInt64(merge.rank) << 32 | UInt64(left))
    }
}
