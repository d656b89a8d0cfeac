/// Host memory that the device copies from and to, made when first needed.
struct StagingBuffers {
    /// The most that is copied by one command; the ring holds several, so that the host fills one while the device empties others.
    static let chunk = 4 << 20
    private static let capacity = 16 << 20

    private var ring = StagingRing(capacity: Self.capacity)
    private var uploadBlock: MemoryBlock?
    private var readbackBlock: MemoryBlock?

    /// How far the ring is filled.
    var position: Int { ring.head }

    mutating func reserve(_ byteCount: Int) -> Int? { ring.reserve(byteCount) }

    mutating func release(upTo position: Int) { ring.release(upTo: position) }

    mutating func upload(_ context: DeviceContext) throws(VulkanError) -> (block: MemoryBlock, bytes: UnsafeMutableRawPointer) {
        if let uploadBlock { return (uploadBlock, try bytes(uploadBlock)) }
        let block = try MemoryBlock(context, byteCount: Self.capacity, purpose: .upload)
        uploadBlock = block
        return (block, try bytes(block))
    }

    mutating func readback(_ context: DeviceContext) throws(VulkanError) -> (block: MemoryBlock, bytes: UnsafeMutableRawPointer) {
        if let readbackBlock { return (readbackBlock, try bytes(readbackBlock)) }
        let block = try MemoryBlock(context, byteCount: Self.chunk, purpose: .readback)
        readbackBlock = block
        return (block, try bytes(block))
    }

    private func bytes(_ block: MemoryBlock) throws(VulkanError) -> UnsafeMutableRawPointer {
        guard let mapped = block.mapped else {
            throw .unsupported(feature: "host-visible memory", device: block.context.report.name)
        }
        return mapped
    }
}
