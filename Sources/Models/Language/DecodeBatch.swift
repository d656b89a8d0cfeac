import Tensors

/// One token for each of some sequences, in tensors that stay where they are: a decode step that was recorded reads the next token,
/// position, length and blocks from where it read the last ones.
public final class DecodeBatch {
    /// What a sequence brings to a step.
    public struct Row {
        /// The token that is read.
        public var token: Int32
        /// How many tokens of the sequence are in the cache: this one's position.
        public var position: Int
        /// The number of its set of seen tokens.
        public var slot: Int
        /// The rows of the cache that hold the sequence, in order, this token's place included.
        public var blocks: [Int32]
        /// The uniform number that the next token is drawn with.
        public var uniform: Float

        /// - Parameter blocks: nil where the sequence has one row of the cache, its slot.
        public init(token: Int32, position: Int, slot: Int, blocks: [Int32]? = nil, uniform: Float = 0) {
            self.token = token
            self.position = position
            self.slot = slot
            self.blocks = blocks ?? [Int32(slot)]
            self.uniform = uniform
        }
    }

    /// The number of sequences.
    public let count: Int
    /// `[count]` f32: uniform numbers for the choice.
    public let uniforms: Tensor
    /// `[count]` i32: the set of seen tokens that each sequence has, by its slot.
    public let slots: Tensor
    /// `[count]` i32: the place for the tokens that are chosen.
    public let chosen: Tensor

    private let backend: any Backend
    private let capacity: Int
    /// Everything but the blocks, one after the other.
    private let numbers: Tensor
    private let views: [Tensor]
    /// `[count, n]` i32.
    private let blocks: Tensor
    private var writtenBlocks: [[Int32]] = []

    /// - Parameters:
    ///   - blocks: The most rows of the cache that hold a sequence.
    ///   - capacity: The most tokens of a sequence.
    public init(count: Int, blocks: Int = 1, capacity: Int, on backend: any Backend) throws {
        self.count = count
        self.capacity = capacity
        self.backend = backend
        let extents = [count, count, count, count, count + 1, count, count]
        numbers = try backend.allocate([extents.reduce(0, +)], .i32)
        chosen = try backend.allocate([count], .i32)
        self.blocks = try backend.allocate([count, blocks], .i32)
        var start = 0
        var views = [Tensor]()
        for extent in extents {
            views.append(try numbers.rows(start..<start + extent))
            start += extent
        }
        self.views = views
        slots = views[3]
        uniforms = Tensor(shape: [count], dtype: .f32, storage: views[6].storage, byteOffset: views[6].byteOffset)
    }

    /// Says what is read next.
    /// - Parameter rows: One for each sequence.
    public func write(_ rows: [Row]) throws {
        precondition(rows.count == count, "a row for each of \(count) sequences")
        let width = blocks.shape[1]
        precondition(rows.allSatisfy { $0.position < capacity && $0.blocks.count <= width }, "a sequence holds \(capacity) tokens")
        var numbers = rows.map(\.token)
        numbers += rows.map { Int32($0.position) }
        numbers += rows.map { Int32($0.position + 1) }
        numbers += rows.map { Int32($0.slot) }
        numbers += (0...count).map(Int32.init)
        numbers += (0..<count).map(Int32.init)
        numbers += rows.map { Int32(bitPattern: $0.uniform.bitPattern) }
        try backend.write(numbers, to: self.numbers)
        // They stay the same for many steps.
        let blocks = rows.map(\.blocks)
        guard blocks != writtenBlocks else { return }
        try backend.write(blocks.flatMap { $0 + [Int32](repeating: 0, count: width - $0.count) }, to: self.blocks)
        writtenBlocks = blocks
    }

    /// The batch as a forward pass takes it.
    /// - Parameter maximumKeys: At least the largest of the lengths.
    public func batch(maximumKeys: Int) -> TokenBatch {
        TokenBatch(
            tokens: views[0], positions: views[1],
            segments: Segments(
                queryStarts: views[4], keyLengths: views[2], blocks: blocks, maximumQueries: 1, maximumKeys: maximumKeys),
            lastRows: views[5], ranges: (0..<count).map { $0..<$0 + 1 }, capacity: capacity)
    }
}
