import Foundation
import Tensors

/// Memory for intermediate results that is kept from one operation to the next.
final class ScratchMemory {
    private var block: UnsafeMutableRawPointer?
    private var capacity = 0
    private let device: String

    init(device: String) { self.device = device }

    deinit { free(block) }

    /// Room for `count` elements at a multiple of 64 bytes, with undefined contents; what was taken before is given up.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    func take<T: BitwiseCopyable>(_ count: Int, of type: T.Type) throws -> UnsafeMutablePointer<T> {
        let byteCount = max(1, count) * MemoryLayout<T>.stride
        if byteCount > capacity {
            free(block)
            (block, capacity) = (nil, 0)
            // Half as much again, so that a growing context does not ask anew at every step.
            let larger = byteCount + byteCount / 2
            guard posix_memalign(&block, CPUMemoryPool.alignment, larger) == 0 else {
                block = nil
                throw TensorError.outOfMemory(
                    device: device, requestedBytes: larger, detail: "an operation lacks room for intermediate results; use a smaller batch")
            }
            capacity = larger
        }
        return block!.assumingMemoryBound(to: T.self)
    }
}

/// Scratch memory of the same size for each thread.
final class ThreadScratch {
    private let memory: ScratchMemory
    private let threads: Int

    init(device: String, threads: Int) {
        memory = ScratchMemory(device: device)
        self.threads = threads
    }

    struct Parts: BitwiseCopyable {
        let base: UnsafeMutablePointer<Float>
        let stride: Int

        /// The memory of one thread.
        subscript(thread: Int) -> UnsafeMutablePointer<Float> { base + thread * stride }
    }

    /// Room for `count` floats a thread, each at a multiple of 64 bytes.
    func take(_ count: Int) throws -> Parts {
        let stride = (count + 15) / 16 * 16
        return Parts(base: try memory.take(stride * threads, of: Float.self), stride: stride)
    }
}
