import Tensors

/// One token for each of some sequences, in tensors that stay where they are: a decode step that was recorded reads the next token,
/// position and length from where it read the last ones.
///
/// The tokens are what the step before chose, on the device; the host writes the rest in one piece.
public final class DecodeBatch {
    /// The number of sequences.
    public let count: Int
    /// `[count]` i32: the tokens that are read, and the place for those that are chosen.
    public let tokens: Tensor
    /// `[count]` f32: uniform numbers for the choice.
    public let uniforms: Tensor
    /// `[count]` i32: the set of seen tokens that each sequence has, by its slot.
    public let slots: Tensor

    private let backend: any Backend
    private let capacity: Int
    /// Everything but the tokens, i32 one after the other.
    private let numbers: Tensor
    private let views: [Tensor]

    /// - Parameter capacity: The tokens a slot of the cache holds.
    public init(count: Int, capacity: Int, on backend: any Backend) throws {
        self.count = count
        self.capacity = capacity
        self.backend = backend
        let extents = [count, count, count, count + 1, count, count]
        tokens = try backend.allocate([count], .i32)
        numbers = try backend.allocate([extents.reduce(0, +)], .i32)
        var start = 0
        var views = [Tensor]()
        for extent in extents {
            views.append(try numbers.rows(start..<start + extent))
            start += extent
        }
        self.views = views
        slots = views[2]
        uniforms = Tensor(shape: [count], dtype: .f32, storage: views[5].storage, byteOffset: views[5].byteOffset)
    }

    /// Says which tokens the sequences have now: where the host has them from a pass of another kind.
    public func write(tokens: [Int32]) throws { try backend.write(tokens, to: self.tokens) }

    /// Moves on to other positions.
    /// - Parameters:
    ///   - positions: How many tokens of each sequence are in the cache: the position of its next one.
    ///   - slots: The rows of the cache that the sequences own.
    public func write(positions: [Int], slots: [Int], uniforms: [Float]) throws {
        precondition(positions.count == count && slots.count == count && uniforms.count == count, "a number for each sequence")
        precondition(positions.allSatisfy { $0 < capacity }, "the cache holds \(capacity) tokens")
        let rows = (0..<Int32(count)).map { $0 }
        var numbers = positions.map(Int32.init)
        numbers += positions.map { Int32($0 + 1) }
        numbers += slots.map(Int32.init)
        numbers += rows + [Int32(count)]
        numbers += rows
        numbers += uniforms.map { Int32(bitPattern: $0.bitPattern) }
        try backend.write(numbers, to: self.numbers)
    }

    /// The batch as a forward pass takes it.
    /// - Parameter maximumKeys: At least the largest of the lengths.
    public func batch(maximumKeys: Int) -> TokenBatch {
        TokenBatch(
            tokens: tokens, positions: views[0],
            segments: Segments(
                queryStarts: views[3], keyLengths: views[1], slots: views[2], maximumQueries: 1, maximumKeys: maximumKeys),
            lastRows: views[4], ranges: (0..<count).map { $0..<$0 + 1 }, capacity: capacity)
    }
}
