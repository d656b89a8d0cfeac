import Foundation
import Synchronization
import Tensors

/// Blocks of host memory, kept for a while after they are freed: a decoding step allocates the same sizes for every token, and a
/// block that is used again costs no page faults.
public final class CPUMemoryPool: Sendable {
    /// Every block begins at a multiple of this many bytes: a cache line, and the widest vector register.
    public static let alignment = 64

    /// What a person calls the device the memory belongs to, for messages.
    let device: String
    /// The most bytes that lie unused in the pool.
    let capacity: Int

    private struct State: Sendable {
        /// Addresses of unused blocks by their size.
        var unused: [Int: [UInt]] = [:]
        var unusedBytes = 0
    }

    private let state = Mutex(State())

    /// Asked for once: it is a system call, and allocations are many.
    private static let physicalMemory = ProcessInfo.processInfo.physicalMemory

    /// - Parameters:
    ///   - device: The name in error messages.
    ///   - capacity: The most bytes kept for another use.
    public init(device: String, capacity: Int = 512 << 20) {
        self.device = device
        self.capacity = capacity
    }

    /// The bytes that lie unused, ready for another allocation.
    public var unusedBytes: Int { state.withLock { $0.unusedBytes } }

    deinit {
        state.withLock { Self.free(&$0) }
    }

    /// Memory of at least `byteCount` bytes at a multiple of ``alignment``, its contents undefined.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    func take(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
        let size = try blockSize(byteCount)
        let reused: UInt? = state.withLock { state in
            guard let address = state.unused[size]?.popLast() else { return nil }
            state.unusedBytes -= size
            return address
        }
        if let reused { return UnsafeMutableRawPointer(bitPattern: reused)! }
        if let block = Self.allocate(size) { return block }
        // What the pool holds may be what is missing.
        state.withLock { Self.free(&$0) }
        if let block = Self.allocate(size) { return block }
        throw outOfMemory(byteCount, "the system refused the allocation; use a smaller batch, a shorter context or a smaller model")
    }

    /// Gives back memory that ``take(_:)`` returned for the same number of bytes.
    func giveBack(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        guard let size = try? blockSize(byteCount), size <= capacity else {
            Foundation.free(block)
            return
        }
        state.withLock { state in
            // Sizes change with the length of a prompt: rather than keep sizes nobody asks for any more, start afresh.
            if state.unusedBytes + size > capacity { Self.free(&state) }
            state.unused[size, default: []].append(UInt(bitPattern: block))
            state.unusedBytes += size
        }
    }

    /// `byteCount` rounded up to whole cache lines; at least one, so that an empty tensor has an address.
    private func blockSize(_ byteCount: Int) throws -> Int {
        let physical = Self.physicalMemory
        guard byteCount >= 0, UInt64(byteCount) <= physical else {
            throw outOfMemory(byteCount, "the machine has \(physical) bytes; use a smaller batch, a shorter context or a smaller model")
        }
        return max(1, (byteCount + Self.alignment - 1) / Self.alignment) * Self.alignment
    }

    private func outOfMemory(_ byteCount: Int, _ detail: String) -> TensorError {
        .outOfMemory(device: device, requestedBytes: byteCount, detail: detail)
    }

    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        var block: UnsafeMutableRawPointer?
        return posix_memalign(&block, alignment, size) == 0 ? block : nil
    }

    private static func free(_ state: inout State) {
        for address in state.unused.values.joined() { Foundation.free(UnsafeMutableRawPointer(bitPattern: address)) }
        state = State()
    }
}
