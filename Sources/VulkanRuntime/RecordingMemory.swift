import Foundation

/// Who gets the range of a buffer back when the buffer goes.
protocol BufferOwner: AnyObject, Sendable {
    func release(block: MemoryBlock, offset: Int, byteCount: Int)
}

/// The memory of what is made while a stretch of a stream is recorded. A range that is free again is used for what is recorded later, as
/// in the stream itself; nobody else gets it while the recording, or a buffer that was made in it, lives.
final class RecordingMemory: BufferOwner, @unchecked Sendable {
    private static let leastChunk = 256 << 10
    private static let mostChunk = 64 << 20

    private let lock = NSLock()
    /// Parts of the device's memory, cut up here.
    private var chunks: [(buffer: Buffer, ranges: RangeAllocator)] = []

    /// The bytes of all chunks.
    var byteCount: Int { lock.withLock { chunks.reduce(0) { $0 + $1.buffer.byteCount } } }

    /// - Parameter makeChunk: Memory of the device.
    func allocate(byteCount: Int, _ makeChunk: (_ byteCount: Int) throws -> Buffer) throws -> Buffer {
        let size = RangeAllocator.rounded(byteCount, to: MemoryPool.alignment)
        lock.lock()
        defer { lock.unlock() }
        var best = -1
        for index in chunks.indices where chunks[index].ranges.largestFree >= size {
            if best < 0 || chunks[index].ranges.largestFree < chunks[best].ranges.largestFree { best = index }
        }
        if best < 0 {
            // As much again as there is, so that chunks stay few.
            let soFar = chunks.reduce(0) { $0 + $1.buffer.byteCount }
            let buffer = try makeChunk(max(size, min(max(soFar, Self.leastChunk), Self.mostChunk)))
            let capacity = buffer.byteCount / MemoryPool.alignment * MemoryPool.alignment
            chunks.append((buffer, RangeAllocator(capacity: capacity, alignment: MemoryPool.alignment)))
            best = chunks.count - 1
        }
        let (chunk, offset) = (chunks[best].buffer, chunks[best].ranges.allocate(size)!)
        return Buffer(owner: self, block: chunk.block, offset: chunk.offset + offset, byteCount: byteCount)
    }

    func release(block: MemoryBlock, offset: Int, byteCount: Int) {
        let size = RangeAllocator.rounded(byteCount, to: MemoryPool.alignment)
        lock.withLock {
            let index = chunks.firstIndex { chunk in
                chunk.buffer.block === block && (0..<chunk.buffer.byteCount).contains(offset - chunk.buffer.offset)
            }
            guard let index else { return }
            chunks[index].ranges.release(offset: offset - chunks[index].buffer.offset, size: size)
        }
    }
}
