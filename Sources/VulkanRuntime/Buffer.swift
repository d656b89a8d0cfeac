import CVulkan

/// Device memory. When the last reference goes its memory is used again in stream order: by commands that are recorded later.
public final class Buffer: @unchecked Sendable {
    /// The device address, a multiple of 256.
    public let address: UInt64
    public let byteCount: Int

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
public struct BufferUse {
    public typealias Access = HazardTracker.Access

    public let buffer: Buffer
    public let byteOffset: Int
    public let byteCount: Int
    public let access: Access
    /// The extents of what lies there, for errors; nil where it is nothing but bytes.
    public let extents: [Int]?

    /// - Precondition: the range lies in the buffer.
    public init(_ buffer: Buffer, byteOffset: Int = 0, byteCount: Int, access: Access, extents: [Int]? = nil) {
        precondition(byteOffset >= 0 && byteCount >= 0 && byteOffset + byteCount <= buffer.byteCount, "a use reaches beyond its buffer")
        self.buffer = buffer
        self.byteOffset = byteOffset
        self.byteCount = byteCount
        self.access = access
        self.extents = extents
    }

    /// The whole buffer.
    public init(_ buffer: Buffer, _ access: Access) {
        self.init(buffer, byteCount: buffer.byteCount, access: access)
    }

    var range: HazardTracker.Use {
        let start = buffer.address + UInt64(byteOffset)
        return HazardTracker.Use(start: start, end: start + UInt64(byteCount), access: access)
    }
}
