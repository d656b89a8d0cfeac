/// Hands out room in a ring for data on its way to the device. Positions count up for ever; the place in the ring is the position modulo
/// the capacity. A piece never wraps around the end.
package struct StagingRing: Sendable {
    package let capacity: Int
    /// The position behind the last piece.
    package private(set) var head = 0
    private var tail = 0

    /// Pieces start on multiples of this, which suits every copy.
    static let alignment = 16

    /// - Precondition: `capacity` is a positive multiple of 16.
    package init(capacity: Int) {
        precondition(capacity > 0 && capacity.isMultiple(of: Self.alignment))
        self.capacity = capacity
    }

    /// Room for `byteCount` bytes, as an offset into the ring; nil until more of what was handed out is released.
    /// - Precondition: `byteCount` is at most the capacity.
    package mutating func reserve(_ byteCount: Int) -> Int? {
        precondition(byteCount <= capacity)
        let size = (byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
        var start = head
        if start % capacity + size > capacity { start += capacity - start % capacity }
        // What is skipped is not held when nothing before it is.
        if tail == head { tail = start }
        guard start + size - tail <= capacity else { return nil }
        head = start + size
        return start % capacity
    }

    /// The device is done with everything before a position.
    package mutating func release(upTo position: Int) {
        tail = max(tail, position)
    }
}
