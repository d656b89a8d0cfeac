import CVulkan

/// Device memory. When the last reference goes its memory is used again in stream order: by commands that are recorded later.
package final class Buffer: @unchecked Sendable {
    /// The device address, a multiple of 256.
    package let address: UInt64
    package let byteCount: Int

    let block: MemoryBlock
    let offset: Int
    let owner: any BufferOwner

    init(owner: any BufferOwner, block: MemoryBlock, offset: Int, byteCount: Int) {
        self.owner = owner
        self.block = block
        self.offset = offset
        self.byteCount = byteCount
        address = block.address + UInt64(offset)
    }

    /// The bytes as the host sees them; nil when it does not.
    var mapped: UnsafeMutableRawPointer? { block.mapped.map { $0 + offset } }

    deinit {
        owner.release(block: block, offset: offset, byteCount: byteCount)
    }
}

/// What a kernel does with a range of a buffer.
package struct BufferUse {
    package typealias Access = HazardTracker.Access

    package let buffer: Buffer
    package let byteOffset: Int
    package let byteCount: Int
    package let access: Access
    /// The extents of what lies there, for errors; nil where it is nothing but bytes.
    package let extents: [Int]?

    /// - Precondition: the range lies in the buffer.
    package init(_ buffer: Buffer, byteOffset: Int = 0, byteCount: Int, access: Access, extents: [Int]? = nil) {
        precondition(byteOffset >= 0 && byteCount >= 0 && byteOffset + byteCount <= buffer.byteCount, "a use reaches beyond its buffer")
        self.buffer = buffer
        self.byteOffset = byteOffset
        self.byteCount = byteCount
        self.access = access
        self.extents = extents
    }

    /// The whole buffer.
    package init(_ buffer: Buffer, _ access: Access) {
        self.init(buffer, byteCount: buffer.byteCount, access: access)
    }

    var range: HazardTracker.Use {
        let start = buffer.address + UInt64(byteOffset)
        return HazardTracker.Use(start: start, end: start + UInt64(byteCount), access: access)
    }
}
