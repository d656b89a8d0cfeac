import CVulkan

/// Arguments of a dispatch that its push constants do not hold: the stream puts them where the device reads them, and their address into
/// the push constants.
package struct StoredArguments {
    /// As the kernel's block has them, with scalar layout.
    package let bytes: UnsafeRawBufferPointer
    /// Where in the push constants the address goes, in bytes: a multiple of 8.
    package let addressOffset: Int

    package init(bytes: UnsafeRawBufferPointer, addressOffset: Int) {
        self.bytes = bytes
        self.addressOffset = addressOffset
    }
}

/// Where arguments are put: memory that the host writes in place and kernels read.
protocol ArgumentMemory: AnyObject {
    /// Copies arguments.
    /// - Returns: Their device address, a multiple of 16; nil when there is no room until the device is done with others.
    func store(_ bytes: UnsafeRawBufferPointer) throws(VulkanError) -> UInt64?
}

/// The arguments of dispatches that are submitted once: room is used again when the batch with the dispatch is done.
package final class ArgumentRing: ArgumentMemory {
    /// More than all batches that can be under way ask for with the usual number of dispatches, of a few hundred bytes each.
    package static let capacity = 1 << 20

    private let context: DeviceContext
    private var ring = StagingRing(capacity: ArgumentRing.capacity)
    private var block: MemoryBlock?

    init(_ context: DeviceContext) { self.context = context }

    /// How far the ring is filled.
    var position: Int { ring.head }

    func release(upTo position: Int) { ring.release(upTo: position) }

    func store(_ bytes: UnsafeRawBufferPointer) throws(VulkanError) -> UInt64? {
        if block == nil { block = try MemoryBlock(context, byteCount: Self.capacity, purpose: .arguments) }
        guard let block, let place = ring.reserve(bytes.count) else { return nil }
        return try block.write(bytes, at: place)
    }
}

/// The arguments of dispatches that may be submitted many times: they stay as long as the memory does.
final class ArgumentArena: ArgumentMemory {
    private static let blockSize = 64 << 10

    private let context: DeviceContext
    private var blocks: [MemoryBlock] = []
    /// The bytes of the last block that are taken.
    private var taken = 0

    init(_ context: DeviceContext) { self.context = context }

    func store(_ bytes: UnsafeRawBufferPointer) throws(VulkanError) -> UInt64? {
        if blocks.isEmpty || taken + bytes.count > Self.blockSize {
            blocks.append(try MemoryBlock(context, byteCount: Self.blockSize, purpose: .arguments))
            taken = 0
        }
        let place = taken
        taken = RangeAllocator.rounded(place + bytes.count, to: StagingRing.alignment)
        return try blocks[blocks.count - 1].write(bytes, at: place)
    }
}

extension MemoryBlock {
    /// - Returns: The device address of what was written.
    fileprivate func write(_ bytes: UnsafeRawBufferPointer, at place: Int) throws(VulkanError) -> UInt64 {
        guard let mapped else { throw .unsupported(feature: "host-visible memory", device: context.report.name) }
        UnsafeMutableRawBufferPointer(start: mapped + place, count: bytes.count).copyMemory(from: bytes)
        return address + UInt64(place)
    }
}
