/// Cuts ranges out of a block of memory and takes them back. Offsets and sizes are in bytes; every range starts and ends on a multiple of
/// the alignment. Free neighbours are joined at once, so the free ranges are always as large as they can be.
package struct RangeAllocator: Sendable {
    package let capacity: Int
    package let alignment: Int
    /// Bytes in ranges that are given out.
    package private(set) var used = 0
    /// The size of the largest free range.
    package private(set) var largestFree: Int

    /// In ascending order, never touching.
    private var free: [(offset: Int, size: Int)]

    /// - Precondition: `capacity` is a positive multiple of `alignment`.
    package init(capacity: Int, alignment: Int) {
        precondition(alignment > 0 && capacity > 0 && capacity.isMultiple(of: alignment))
        self.capacity = capacity
        self.alignment = alignment
        free = [(0, capacity)]
        largestFree = capacity
    }

    package var isEmpty: Bool { used == 0 }

    /// The size that a request takes up: rounded up to the alignment, and at least that.
    package static func rounded(_ size: Int, to alignment: Int) -> Int {
        max(1, (size + alignment - 1) / alignment) * alignment
    }

    /// The smallest free range that holds `size` bytes gives them up (best fit, which keeps large ranges whole).
    /// - Returns: the offset, or nil when no free range is large enough.
    package mutating func allocate(_ size: Int) -> Int? {
        let size = Self.rounded(size, to: alignment)
        guard size <= largestFree else { return nil }
        var best = -1
        for index in free.indices where free[index].size >= size && (best < 0 || free[index].size < free[best].size) {
            best = index
            if free[index].size == size { break }
        }
        let offset = free[best].offset
        let wasLargest = free[best].size == largestFree
        if free[best].size == size {
            free.remove(at: best)
        } else {
            free[best] = (offset + size, free[best].size - size)
        }
        if wasLargest { updateLargest() }
        used += size
        return offset
    }

    /// Takes back a range that ``allocate(_:)`` gave for `size` bytes.
    /// - Precondition: the range is given out.
    package mutating func release(offset: Int, size: Int) {
        let size = Self.rounded(size, to: alignment)
        var low = 0
        var high = free.count
        while low < high {
            let middle = (low + high) / 2
            if free[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        precondition(low == 0 || free[low - 1].offset + free[low - 1].size <= offset, "a range was released twice")
        precondition(low == free.count || offset + size <= free[low].offset, "a range was released twice")
        let joinsBefore = low > 0 && free[low - 1].offset + free[low - 1].size == offset
        let joinsAfter = low < free.count && offset + size == free[low].offset
        switch (joinsBefore, joinsAfter) {
        case (true, true):
            free[low - 1].size += size + free[low].size
            free.remove(at: low)
            largestFree = max(largestFree, free[low - 1].size)
        case (true, false):
            free[low - 1].size += size
            largestFree = max(largestFree, free[low - 1].size)
        case (false, true):
            free[low] = (offset, size + free[low].size)
            largestFree = max(largestFree, free[low].size)
        case (false, false):
            free.insert((offset, size), at: low)
            largestFree = max(largestFree, size)
        }
        used -= size
    }

    private mutating func updateLargest() {
        largestFree = free.reduce(0) { max($0, $1.size) }
    }
}
