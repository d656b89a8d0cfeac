/// How much a batch holds.
package struct BatchLimits: Sendable, Equatable {
    /// The most requests that are served at once.
    package var rows: Int
    /// Blocks of the key-value cache, of ``BlockPool/size`` tokens each.
    package var blocks: Int
    /// The most tokens of a text, its prompt included.
    package var length: Int
    /// The most tokens of prompts that a step reads: many fill matrix products, few keep those who are being served from waiting.
    package var prefillTokens: Int
    /// Whether a request is given the blocks of all tokens that it may have with its first ones. They are neighbours then, and attention reads them where
    /// they lie; but what is asked for in vain serves nobody else.
    package var reservesBlocks: Bool

    package init(rows: Int, blocks: Int, length: Int, prefillTokens: Int = 512, reservesBlocks: Bool = false) {
        self.rows = rows
        self.blocks = blocks
        self.length = length
        self.prefillTokens = prefillTokens
        self.reservesBlocks = reservesBlocks
    }

    /// Room for some texts of known lengths, all at once.
    init(lengths: [Int], prefillTokens: Int) {
        self.init(
            rows: lengths.count, blocks: lengths.reduce(0) { $0 + BlockPool.count($1) }, length: lengths.max() ?? 1,
            prefillTokens: prefillTokens, reservesBlocks: true)
    }

    func validate() throws {
        for (value, name) in [
            (rows, "requests"), (blocks, "blocks of the cache"), (length, "tokens of a text"), (prefillTokens, "tokens of a step"),
        ]
        where value < 1 {
            throw MongeError.usage("the number of \(name) is \(value), expected 1 or more")
        }
    }

    /// The blocks of the longest text.
    var blocksOfLength: Int { BlockPool.count(length) }

    /// The rows of a recorded step that has room for `count`: a power of two, so that few steps are recorded while requests come and go.
    func bucket(of count: Int) -> Int {
        var bucket = 1
        while bucket < count { bucket *= 2 }
        return min(bucket, rows)
    }
}
