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
    /// The pool that blocks come from, and go back to with this one; nil for the system.
    private let parent: CPUMemoryPool?

    private struct State: Sendable {
        /// Addresses of unused blocks by their size.
        var unused: [Int: [UInt]] = [:]
        var unusedBytes = 0
        var bytesInUse = 0
        var peakBytes = 0
        /// The most bytes of all blocks together with which unused ones are kept.
        var limit = Int.max

        mutating func use(_ size: Int) {
            bytesInUse += size
            peakBytes = max(peakBytes, bytesInUse)
        }
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
        parent = nil
    }

    /// A pool whose blocks are another's, among which they count as used: whoever allocates from it has them for itself as long as it lives.
    init(within parent: CPUMemoryPool) {
        device = parent.device
        capacity = .max
        self.parent = parent
    }

    /// The bytes that lie unused, ready for another allocation.
    public var unusedBytes: Int { state.withLock { $0.unusedBytes } }

    var use: TensorMemory {
        state.withLock { TensorMemory(inUse: $0.bytesInUse, peak: $0.peakBytes, unused: $0.unusedBytes, outsideProcess: 0) }
    }

    /// Frees unused blocks, counts the peak anew, and keeps unused blocks from here on only while all blocks together take at most this.
    func limit(to byteCount: Int?) {
        state.withLock { state in
            Self.free(&state)
            state.peakBytes = state.bytesInUse
            state.limit = byteCount ?? .max
        }
    }

    deinit {
        state.withLock { state in
            guard let parent else { return Self.free(&state) }
            for (size, addresses) in state.unused {
                for address in addresses { parent.giveBack(UnsafeMutableRawPointer(bitPattern: address)!, byteCount: size) }
            }
        }
    }

    /// Memory of at least `byteCount` bytes at a multiple of ``alignment``, its contents undefined.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``
    func take(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
        let size = try blockSize(byteCount)
        if let parent {
            let kept = state.withLock { state in state.unused[size]?.popLast() }
            return try kept.map { UnsafeMutableRawPointer(bitPattern: $0)! } ?? parent.take(size)
        }
        let reused: UInt? = state.withLock { state in
            state.use(size)
            if let address = state.unused[size]?.popLast() {
                state.unusedBytes -= size
                return address
            }
            if state.bytesInUse + state.unusedBytes > state.limit { Self.free(&state) }
            return nil
        }
        if let reused { return UnsafeMutableRawPointer(bitPattern: reused)! }
        if let block = Self.allocate(size) { return block }
        // What the pool holds may be what is missing.
        state.withLock { Self.free(&$0) }
        if let block = Self.allocate(size) { return block }
        state.withLock { $0.bytesInUse -= size }
        throw outOfMemory(byteCount, "the system refused the allocation; use a smaller batch, a shorter context or a smaller model")
    }

    /// Gives back memory that ``take(_:)`` returned for the same number of bytes.
    func giveBack(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        guard let size = try? blockSize(byteCount) else { preconditionFailure("a block of \(byteCount) bytes was taken") }
        state.withLock { state in
            guard parent == nil else { return state.unused[size, default: []].append(UInt(bitPattern: block)) }
            state.bytesInUse -= size
            guard size <= capacity, size <= state.limit else { return Self.free(block, size) }
            // Sizes change with the length of a prompt: rather than keep sizes nobody asks for any more, start afresh.
            if state.unusedBytes + size > capacity || state.bytesInUse + state.unusedBytes + size > state.limit { Self.free(&state) }
            state.unused[size, default: []].append(UInt(bitPattern: block))
            state.unusedBytes += size
        }
    }

    /// Blocks from this size on are mappings of their own, which go back to the system as soon as they are freed.
    private static let mappingSize = 1 << 20

    /// `byteCount` rounded up to whole cache lines; at least one, so that an empty tensor has an address. Large sizes are rounded up to
    /// one of eight between two powers of two, so that batches of nearly as many rows use each other's blocks; pages that are never
    /// touched take no memory.
    private func blockSize(_ byteCount: Int) throws -> Int {
        let physical = Self.physicalMemory
        guard byteCount >= 0, UInt64(byteCount) <= physical else {
            throw outOfMemory(byteCount, "the machine has \(physical) bytes; use a smaller batch, a shorter context or a smaller model")
        }
        let step = byteCount < Self.mappingSize ? Self.alignment : 1 << (Int.bitWidth - byteCount.leadingZeroBitCount - 4)
        return max(1, (byteCount + step - 1) / step) * step
    }

    private func outOfMemory(_ byteCount: Int, _ detail: String) -> TensorError {
        .outOfMemory(device: device, requestedBytes: byteCount, detail: detail)
    }

    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        if size >= mappingSize {
            let mapping = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            return mapping == MAP_FAILED ? nil : mapping
        }
        var block: UnsafeMutableRawPointer?
        return posix_memalign(&block, alignment, size) == 0 ? block : nil
    }

    private static func free(_ block: UnsafeMutableRawPointer, _ size: Int) {
        if size >= mappingSize { munmap(block, size) } else { Foundation.free(block) }
    }

    private static func free(_ state: inout State) {
        for (size, addresses) in state.unused {
            for address in addresses { free(UnsafeMutableRawPointer(bitPattern: address)!, size) }
        }
        state.unused = [:]
        state.unusedBytes = 0
    }
}
