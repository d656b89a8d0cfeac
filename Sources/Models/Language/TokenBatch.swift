import Tensors

/// Tokens of several sequences for one forward pass, packed one sequence after the other without padding.
public struct TokenBatch {
    /// A stretch of consecutive tokens of one sequence.
    public struct Sequence {
        public var tokens: [Int32]
        /// The position of the first of them: how many tokens of the sequence are already in the cache.
        public var start: Int
        /// The row of the key-value cache that the sequence owns.
        public var slot: Int
        /// The rows of a paged cache that hold the sequence, in order, at least up to its last token here.
        public var blocks: [Int32]

        /// - Parameter blocks: nil where the sequence has one row of the cache, its slot.
        public init(tokens: [Int32], start: Int = 0, slot: Int, blocks: [Int32]? = nil) {
            self.tokens = tokens
            self.start = start
            self.slot = slot
            self.blocks = blocks ?? [Int32(slot)]
        }
    }

    /// `[rows]` i32.
    public let tokens: Tensor
    /// `[rows]` i32.
    public let positions: Tensor
    public let segments: Segments
    /// `[sequences]` i32: the last row of each sequence.
    public let lastRows: Tensor
    /// Where each sequence's rows lie.
    public let ranges: [Range<Int>]

    /// The most tokens of a sequence.
    public let capacity: Int
    /// The smallest and the largest token number, for checks against a vocabulary; none for tokens that a device has chosen.
    let extremeTokens: [Int]

    public var rowCount: Int { tokens.shape.count }

    /// - Parameters:
    ///   - ranges: Where each sequence's rows lie.
    ///   - capacity: The most tokens of a sequence: those of all its blocks.
    package init(tokens: Tensor, positions: Tensor, segments: Segments, lastRows: Tensor, ranges: [Range<Int>], capacity: Int) {
        self.tokens = tokens
        self.positions = positions
        self.segments = segments
        self.lastRows = lastRows
        self.ranges = ranges
        self.capacity = capacity
        extremeTokens = []
    }

    /// Puts the batch on a device.
    ///
    /// - Parameters:
    ///   - sequences: None empty; each fits the cache's capacity.
    ///   - capacity: The most tokens of a sequence: what a slot of the cache holds, or all the blocks that one may have.
    public init(_ sequences: [Sequence], capacity: Int, on backend: any Backend) throws {
        var ids = [Int32](), positions = [Int32]()
        var starts: [Int32] = [0], lengths = [Int32](), blocks = [Int32](), last = [Int32]()
        let width = sequences.map(\.blocks.count).max() ?? 1
        var ranges = [Range<Int>]()
        for sequence in sequences {
            let end = sequence.start + sequence.tokens.count
            precondition(!sequence.tokens.isEmpty && end <= capacity, "a sequence of \(end) tokens, the cache holds \(capacity)")
            ranges.append(ids.count..<ids.count + sequence.tokens.count)
            ids += sequence.tokens
            positions += (sequence.start..<end).map(Int32.init)
            starts.append(Int32(ids.count))
            lengths.append(Int32(end))
            blocks += sequence.blocks + [Int32](repeating: 0, count: width - sequence.blocks.count)
            last.append(Int32(ids.count - 1))
        }
        // One upload for all of them: a decode step should not pay for six.
        let parts = [ids, positions, starts, lengths, blocks, last]
        let all = try backend.upload(parts.flatMap { $0 })
        var offset = 0
        let views = try parts.map { part in
            defer { offset += part.count }
            return try all.rows(offset..<offset + part.count)
        }
        self.tokens = views[0]
        self.positions = views[1]
        self.segments = Segments(
            queryStarts: views[2], keyLengths: views[3], blocks: try views[4].reshaped([sequences.count, width]),
            maximumQueries: sequences.map(\.tokens.count).max() ?? 0, maximumKeys: Int(lengths.max() ?? 0))
        self.lastRows = views[5]
        self.ranges = ranges
        self.capacity = capacity
        self.extremeTokens = [ids.min(), ids.max()].compactMap { $0.map(Int.init) }
    }
}

extension TokenBatch {
    /// Refuses tokens that an embedding has no row for: a device would read beyond the table.
    func requireTokens(below vocabulary: Int) throws {
        if let token = extremeTokens.first(where: { $0 < 0 || $0 >= vocabulary }) {
            throw ModelError.tokenOutOfRange(token, vocabulary: vocabulary)
        }
    }

    /// Room for the keys and values of sequences that start and end with a pass: `[sequences, capacity, heads, channels]`, twice.
    func transientCache(heads: Int, channels: Int, _ dtype: DType, on backend: any Backend) throws -> (keys: Tensor, values: Tensor) {
        let shape: Shape = [segments.count, capacity, heads, channels]
        return (try backend.allocate(shape, dtype), try backend.allocate(shape, dtype))
    }
}
