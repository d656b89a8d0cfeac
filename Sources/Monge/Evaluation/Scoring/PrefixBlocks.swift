import Models
import Tensors

/// Blocks of a key-value cache by the tokens that they hold, so that texts with one beginning compute it once.
///
/// A block holds ``size`` consecutive tokens, and what it holds follows from them and all tokens before: a block is known by its parent and its tokens.
/// Blocks that no text of the batch at hand needs stay until their place is.
struct PrefixBlocks {
    /// Tokens of a block: few, so that little of a shared beginning is computed again.
    static let size = 8

    private struct Key: Hashable {
        /// The block before, and 0 at the beginning.
        var parent: Int
        var steering: Int
        var tokens: ArraySlice<Int32>
    }

    private struct Known {
        /// Tells blocks apart, those included whose place was taken by others.
        var identity: Int
        var block: Int32
        var lastUse: Int
    }

    private var known: [Key: Known] = [:]
    private var free: [Int32]
    private var nextIdentity = 1
    private var batch = 0
    /// Blocks of a text alone, until the next batch.
    private var lent: [Int32] = []

    init(count: Int) { free = (0..<Int32(count)).reversed() }

    /// The blocks that a text of some tokens needs.
    static func count(_ tokens: Int) -> Int { (tokens + size - 1) / size }

    /// Begins a batch: what the one before had alone is free again.
    mutating func beginBatch() {
        batch += 1
        free += lent
        lent = []
    }

    /// Blocks for a text.
    /// - Parameters:
    ///   - shared: Only so many tokens from the beginning are like those of other texts with the same ones.
    ///   - steering: The number of what steers the text; only texts with the same one share blocks.
    /// - Returns: The text's blocks in order, and how many tokens from its beginning are computed already, or by a text before it in this batch; nil
    ///   where too few blocks are left beside those of this batch.
    mutating func place(_ tokens: [Int32], shared: Int, steering: Int) -> (blocks: [Int32], computed: Int)? {
        var blocks: [Int32] = [], parent = 0, computed = 0, isNew = false
        var added: [Key] = []
        for start in stride(from: 0, to: tokens.count, by: Self.size) {
            let end = start + Self.size
            guard end <= min(shared, tokens.count) else {
                guard let block = take() else { return undo(added) }
                lent.append(block)
                blocks.append(block)
                continue
            }
            let key = Key(parent: parent, steering: steering, tokens: tokens[start..<end])
            if let found = known[key], !isNew {
                known[key]!.lastUse = batch
                blocks.append(found.block)
                (parent, computed) = (found.identity, end)
            } else {
                guard let block = take() else { return undo(added) }
                isNew = true
                known[key] = Known(identity: nextIdentity, block: block, lastUse: batch)
                added.append(key)
                parent = nextIdentity
                nextIdentity += 1
                blocks.append(block)
            }
        }
        return (blocks, computed)
    }

    /// Forgets blocks that nothing was put into.
    private mutating func undo(_ keys: [Key]) -> (blocks: [Int32], computed: Int)? {
        for key in keys { free.append(known.removeValue(forKey: key)!.block) }
        return nil
    }

    private mutating func take() -> Int32? {
        if free.isEmpty {
            // All that this batch does not need at once: which is used again is not known, and finding one by one would take longer.
            for (key, value) in known where value.lastUse < batch {
                known[key] = nil
                free.append(value.block)
            }
        }
        return free.popLast()
    }
}
