import Tensors

/// Where the keys of some sequences lie in a cache: one block each, or tables of several, shuffled, of which those of a common beginning may
/// be shared.
struct BlockTableDraw {
    /// The keys of a block, and the blocks of the cache.
    let blockSize, blockCount: Int
    /// `[sequences, perSequence]`
    let blocks: [Int32]
    let perSequence: Int

    /// Sequence s has block s for its own.
    init(inOrder sequences: Int, of capacity: Int) {
        (blockSize, perSequence, blockCount) = (capacity, 1, sequences)
        blocks = (0..<sequences).map(Int32.init)
    }

    /// - Parameters:
    ///   - keyLengths: Of each sequence; none more than `capacity`.
    ///   - prefix: The keys that all sequences share where their blocks may be shared; 0 for none.
    init(sequences: Int, capacity: Int, keyLengths: [Int32], prefix: Int, isPaged: Bool, spare: Int, _ generator: inout CheckGenerator) {
        guard isPaged else {
            (blockSize, perSequence, blockCount) = (capacity, 1, sequences + spare)
            blocks = generator.permutation(blockCount).prefix(sequences).map(Int32.init)
            return
        }
        blockSize = min(generator.pick([1, 4, 7, 16, 16, 32, 64, 128]), max(capacity, 1))
        perSequence = max((capacity + blockSize - 1) / blockSize, 2)
        let shared = prefix / blockSize
        blockCount = shared + sequences * (perSequence - shared) + spare
        let order = generator.permutation(blockCount).map(Int32.init)
        var table = [Int32]()
        for sequence in 0..<sequences {
            table += order[..<shared]
            let first = shared + sequence * (perSequence - shared)
            table += order[first..<first + perSequence - shared]
            // Blocks beyond the keys are nobody's: what stands there is not looked at.
            for column in 0..<perSequence where column * blockSize >= Int(keyLengths[sequence]) && generator.chance(0.3) {
                table[sequence * perSequence + column] = generator.pick([-1, Int32(blockCount), .max])
            }
        }
        blocks = table
    }

    /// The most keys that a sequence has room for.
    var capacity: Int { blockSize * perSequence }

    /// The row of a key in the cache seen as `[blocks · block size, …]`.
    func row(of key: Int, in sequence: Int) -> Int {
        Int(blocks[sequence * perSequence + key / blockSize]) * blockSize + key % blockSize
    }

    var description: String { perSequence == 1 ? "slots \(blocks)" : "blocks of \(blockSize) \(blocks)" }
}
