/// Where checked kernels find the lengths of their arguments and report an index out of bounds: a block for each dispatch of a batch.
///
/// ```glsl
/// struct { uint flag; uint slot; uint index; uint count; uint64_t byteLengths[12]; }
/// ```
struct CheckBlocks {
    /// Where in the push constants the block's address is.
    static let argumentOffset = 120
    static let mostArguments = 12

    private static let headBytes = 16
    /// 16 bytes and 12 lengths of 8, rounded up to a power of two.
    private static let stride = 128

    private let memory: MemoryBlock
    private let mapped: UnsafeMutableRawPointer

    init(_ context: DeviceContext, capacity: Int) throws(VulkanError) {
        memory = try MemoryBlock(context, byteCount: capacity * Self.stride, purpose: .readback)
        guard let mapped = memory.mapped else {
            throw .unsupported(feature: "host-visible memory", device: context.report.name)
        }
        self.mapped = mapped
    }

    /// Fills in the block of a dispatch and gives its device address.
    func prepare(_ index: Int, uses: [BufferUse]) -> UInt64 {
        let block = mapped + index * Self.stride
        block.initializeMemory(as: UInt8.self, repeating: 0, count: Self.stride)
        let lengths = (block + Self.headBytes).assumingMemoryBound(to: UInt64.self)
        for (slot, use) in uses.enumerated() { lengths[slot] = UInt64(use.byteCount) }
        return memory.address + UInt64(index * Self.stride)
    }

    func fault(_ index: Int, kernel: String) -> VulkanError? {
        let head = (mapped + index * Self.stride).assumingMemoryBound(to: UInt32.self)
        guard head[0] != 0 else { return nil }
        return .outOfBounds(kernel: kernel, argument: Int(head[1]), index: Int(head[2]), length: Int(head[3]))
    }
}
