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

        public init(tokens: [Int32], start: Int = 0, slot: Int) {
            self.tokens = tokens
            self.start = start
            self.slot = slot
        }
    }

    /// `[rows]` i32.
    public let tokens: Tensor
    /// `[rows]` i32.
    public let positions: Tensor
    /// `[rows]` i32: where each row's key goes in the cache seen as `[slots · capacity, …]`.
    public let cacheRows: Tensor
    public let segments: Segments
    /// `[sequences]` i32: the last row of each sequence.
    public let lastRows: Tensor
    /// Where each sequence's rows lie.
    public let ranges: [Range<Int>]

    /// The tokens a slot of the cache holds.
    public let capacity: Int

    public var rowCount: Int { tokens.shape.count }

    init(
        tokens: Tensor, positions: Tensor, cacheRows: Tensor, segments: Segments, lastRows: Tensor, ranges: [Range<Int>], capacity: Int
    ) {
        self.tokens = tokens
        self.positions = positions
        self.cacheRows = cacheRows
        self.segments = segments
        self.lastRows = lastRows
        self.ranges = ranges
        self.capacity = capacity
    }

    /// Puts the batch on a device.
    ///
    /// - Parameters:
    ///   - sequences: None empty; each fits the cache's capacity.
    ///   - capacity: The tokens a slot of the cache holds.
    public init(_ sequences: [Sequence], capacity: Int, on backend: any Backend) throws {
        var ids = [Int32](), positions = [Int32](), cacheRows = [Int32]()
        var starts: [Int32] = [0], lengths = [Int32](), slots = [Int32](), last = [Int32]()
        var ranges = [Range<Int>]()
        for sequence in sequences {
            let end = sequence.start + sequence.tokens.count
            precondition(!sequence.tokens.isEmpty && end <= capacity, "a sequence of \(end) tokens, the cache holds \(capacity)")
            ranges.append(ids.count..<ids.count + sequence.tokens.count)
            ids += sequence.tokens
            positions += (sequence.start..<end).map(Int32.init)
            cacheRows += (sequence.start..<end).map { Int32(sequence.slot * capacity + $0) }
            starts.append(Int32(ids.count))
            lengths.append(Int32(end))
            slots.append(Int32(sequence.slot))
            last.append(Int32(ids.count - 1))
        }
        // One upload for all of them: a decode step should not pay for seven.
        let parts = [ids, positions, cacheRows, starts, lengths, slots, last]
        let all = try backend.upload(parts.flatMap { $0 })
        var offset = 0
        let views = try parts.map { part in
            defer { offset += part.count }
            return try all.rows(offset..<offset + part.count)
        }
        self.tokens = views[0]
        self.positions = views[1]
        self.cacheRows = views[2]
        self.segments = Segments(
            queryStarts: views[3], keyLengths: views[4], slots: views[5],
            maximumQueries: sequences.map(\.tokens.count).max() ?? 0, maximumKeys: Int(lengths.max() ?? 0))
        self.lastRows = views[6]
        self.ranges = ranges
        self.capacity = capacity
    }
}
