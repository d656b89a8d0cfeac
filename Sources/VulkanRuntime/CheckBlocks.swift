/// Where checked kernels find the lengths of their arguments and report an index out of bounds: a block for each dispatch of a batch.
///
/// ```glsl
/// struct { uint flag; uint slot; uint index; uint count; uint64_t byteLengths[32]; }
/// ```
struct CheckBlocks {
    /// Where in the push constants the block's address is.
    static let argumentOffset = 120
    static let mostArguments = 32

    private static let headBytes = 16
    /// Rounded up to a multiple of 16.
    private static let stride = headBytes + mostArguments * 8

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
    /// - Parameter lengths: The bytes of its arguments.
    func prepare(_ index: Int, lengths byteCounts: some Sequence<Int>) -> UInt64 {
        let block = mapped + index * Self.stride
        block.initializeMemory(as: UInt8.self, repeating: 0, count: Self.stride)
        let lengths = (block + Self.headBytes).assumingMemoryBound(to: UInt64.self)
        for (slot, byteCount) in byteCounts.enumerated() { lengths[slot] = UInt64(byteCount) }
        return memory.address + UInt64(index * Self.stride)
    }

    /// What the first of the kernels that went out of bounds did.
    func firstFault(_ kernels: some Collection<Pipeline>) -> VulkanError? {
        for (index, kernel) in kernels.enumerated() {
            let head = self.head(index)
            if head[0] != 0 {
                return .outOfBounds(kernel: kernel.name, argument: Int(head[1]), index: Int(head[2]), length: Int(head[3]))
            }
        }
        return nil
    }

    /// Forgets what kernels have reported.
    func clear() {
        for index in 0..<memory.byteCount / Self.stride { head(index)[0] = 0 }
    }

    private func head(_ index: Int) -> UnsafeMutablePointer<UInt32> {
        (mapped + index * Self.stride).assumingMemoryBound(to: UInt32.self)
    }
}
