/// The symbols of a word as a linked list, of which neighbours are merged in the order of a rule; kept between words to reuse its memory.
struct SymbolMerger {
    /// The token of each symbol; ``merged`` for one that was merged into its left neighbour.
    private(set) var tokens: [Int32] = []
    /// The index of the symbol after and before each; -1 at the ends.
    private var next: [Int32] = []
    private var previous: [Int32] = []
    /// Candidate merges, the rank in the high half and the index of the left symbol in the low half.
    private var candidates = MinimumHeap()

    /// The token of a symbol that is no more.
    static let merged: Int32 = -1

    /// What two neighbours become, and when: the smallest rank first, and of equal ones the leftmost.
    struct Merge {
        let rank: UInt32
        let result: Int32
    }

    /// Begins with a word's symbols, none of them ``merged``.
    mutating func begin() {
        tokens.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        candidates.removeAll()
    }

    mutating func append(_ token: Int32) { tokens.append(token) }

    /// The index of the symbol after one that is there; the number of symbols after the last.
    func end(of symbol: Int) -> Int { next[symbol] < 0 ? tokens.count : Int(next[symbol]) }

    /// Merges until the rule joins no neighbours.
    /// - Parameter rule: Of two neighbours, by their indices.
    @inline(__always)
    mutating func merge(_ rule: (_ symbols: borrowing SymbolMerger, _ left: Int, _ right: Int) -> Merge?) {
        let count = tokens.count
        guard count > 1 else {
            next = [Int32](repeating: -1, count: count)
            return
        }
        for index in 0..<count {
            next.append(index + 1 < count ? Int32(index + 1) : -1)
            previous.append(Int32(index - 1))
        }
        for index in 0..<count - 1 { propose(Int32(index), rule) }
        while let candidate = candidates.popMinimum() {
            let left = Int(candidate & 0xFFFF_FFFF)
            // The symbols may have changed since the merge was proposed.
            guard tokens[left] != SymbolMerger.merged, next[left] >= 0, let merge = rule(self, left, Int(next[left])),
                merge.rank == UInt32(candidate >> 32)
            else { continue }
            let right = Int(next[left])
            tokens[left] = merge.result
            tokens[right] = SymbolMerger.merged
            next[left] = next[right]
            if next[right] >= 0 { previous[Int(next[right])] = Int32(left) }
            if previous[left] >= 0 { propose(previous[left], rule) }
            propose(Int32(left), rule)
        }
    }

    @inline(__always)
    private mutating func propose(_ left: Int32, _ rule: (borrowing SymbolMerger, Int, Int) -> Merge?) {
        let right = next[Int(left)]
        guard right >= 0, let merge = rule(self, Int(left), Int(right)) else { return }
        candidates.push(UInt64(merge.rank) << 32 | UInt64(left))
    }
}
