/// Tells where a barrier is needed: when an access touches memory that was written since the last barrier, or writes memory that was read
/// since (Vulkan specification, "Execution and Memory Dependencies"). Memory is named by device address, so that a freed buffer's range is
/// tracked for whatever buffer has it next.
package struct HazardTracker: Sendable {
    package enum Access: Sendable {
        case read
        case write
        case readWrite

        var reads: Bool { self != .write }
        var writes: Bool { self != .read }
    }

    /// A range of device memory: the addresses from `start` up to but not including `end`.
    package struct Use: Sendable {
        package let start: UInt64
        package let end: UInt64
        package let access: Access

        package init(start: UInt64, end: UInt64, access: Access) {
            (self.start, self.end, self.access) = (start, end, access)
        }
    }

    /// More ranges than this since the last barrier call for one, so that looking through them stays cheap.
    private let longest: Int
    private var reads: [(start: UInt64, end: UInt64)] = []
    private var writes: [(start: UInt64, end: UInt64)] = []

    package init(longest: Int = 512) {
        self.longest = longest
        reads.reserveCapacity(longest)
        writes.reserveCapacity(longest)
    }

    /// Whether a use must wait for earlier ones. Ask for all uses of a command before recording any: within a command they do not wait
    /// for each other.
    package func conflicts(_ use: Use) -> Bool {
        if use.start >= use.end { return false }
        if reads.count + writes.count >= longest { return true }
        for range in writes where range.start < use.end && use.start < range.end { return true }
        if use.access.writes {
            for range in reads where range.start < use.end && use.start < range.end { return true }
        }
        return false
    }

    /// Notes a use of the command that is recorded.
    package mutating func record(_ use: Use) {
        guard use.start < use.end else { return }
        if use.access.reads { reads.append((use.start, use.end)) }
        if use.access.writes { writes.append((use.start, use.end)) }
    }

    /// A barrier was recorded: everything before it is waited for.
    package mutating func barrier() {
        reads.removeAll(keepingCapacity: true)
        writes.removeAll(keepingCapacity: true)
    }
}
