import CVulkan
import Foundation

/// Device memory, taken from the driver in blocks and given out in ranges. A buffer's range is free for others as soon as the buffer is
/// gone, even while the device still works on it: commands are in one stream, whose hazard tracking keeps them apart.
final class MemoryPool: BufferOwner, @unchecked Sendable {
    /// Ranges start where any type, 16-byte loads and cache lines are aligned.
    static let alignment = 256

    private let context: DeviceContext
    private let blockSize: Int
    private let limit: Int?
    /// Buffers may go on any thread.
    private let lock = NSLock()
    private var blocks: [(block: MemoryBlock, ranges: RangeAllocator)] = []
    private var allocated = 0
    private var inUse = 0
    private var highWater = 0

    init(_ context: DeviceContext, blockSize: Int, limit: Int?) {
        self.context = context
        self.blockSize = RangeAllocator.rounded(min(blockSize, context.report.limits.largestAllocation / 4), to: Self.alignment)
        self.limit = limit
    }

    var use: MemoryUse {
        let budget = context.memoryBudget
        return lock.withLock {
            MemoryUse(allocated: allocated, inUse: inUse, highWater: highWater, budget: min(budget, limit ?? budget))
        }
    }

    /// A buffer, or nil when neither the blocks nor the driver nor the limit have room.
    func allocate(byteCount: Int) throws(VulkanError) -> Buffer? {
        let size = RangeAllocator.rounded(byteCount, to: Self.alignment)
        let largest = min(context.report.limits.largestAllocation, context.report.limits.largestBuffer)
        guard size <= largest else {
            throw .bufferTooLarge(device: context.report.name, requested: byteCount, largest: largest)
        }
        lock.lock()
        defer { lock.unlock() }
        var best = -1
        for index in blocks.indices where blocks[index].ranges.largestFree >= size {
            if best < 0 || blocks[index].ranges.largestFree < blocks[best].ranges.largestFree { best = index }
        }
        if best < 0 {
            guard let block = try newBlock(for: size) else { return nil }
            blocks.append((block, RangeAllocator(capacity: block.byteCount, alignment: Self.alignment)))
            allocated += block.byteCount
            best = blocks.count - 1
        }
        guard let offset = blocks[best].ranges.allocate(size) else { return nil }
        inUse += size
        highWater = max(highWater, inUse)
        return Buffer(owner: self, block: blocks[best].block, offset: offset, byteCount: byteCount)
    }

    /// A block of the usual size, or of just the size that is needed when that is larger or nothing else is left.
    private func newBlock(for size: Int) throws(VulkanError) -> MemoryBlock? {
        let room = (limit ?? Int.max) - allocated
        let usual = size > blockSize / 2 ? size : blockSize
        for byteCount in usual == size ? [size] : [usual, size] where byteCount <= room {
            do {
                return try MemoryBlock(context, byteCount: byteCount, purpose: .device)
            } catch VulkanError.memoryRefused {
                continue
            }
        }
        return nil
    }

    func release(block: MemoryBlock, offset: Int, byteCount: Int) {
        let size = RangeAllocator.rounded(byteCount, to: Self.alignment)
        lock.withLock {
            guard let index = blocks.firstIndex(where: { $0.block === block }) else { return }
            blocks[index].ranges.release(offset: offset, size: size)
            inUse -= size
        }
    }

    func resetHighWater() { lock.withLock { highWater = inUse } }

    /// Gives blocks without buffers back to the driver.
    /// - Precondition: the device has finished all work.
    func trim() {
        lock.withLock {
            blocks.removeAll { $0.ranges.isEmpty }
            allocated = blocks.reduce(0) { $0 + $1.block.byteCount }
        }
    }
}

/// Device memory in bytes: what the driver has given, what buffers hold, the most they have held, and what this process may have.
public struct MemoryUse: Sendable, Equatable {
    public let allocated, inUse, highWater, budget: Int
}
