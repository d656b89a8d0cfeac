import Dispatch
import Foundation

/// Calls `body` with ranges that cover `0 ..< count` exactly once, on all cores when there is work enough to share.
/// - Parameters:
///   - count: The number of independent pieces, for example rows.
///   - cost: About how many multiplications one piece costs.
///   - body: Called from several threads at once.
func concurrentRanges(_ count: Int, cost: Int, _ body: (Range<Int>) -> Void) {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    // Waking the other threads costs some microseconds: the work of about this many multiplications.
    let worthwhile = 1 << 15
    guard cores > 1, count > 1, count * cost > worthwhile else {
        if count > 0 { body(0..<count) }
        return
    }
    // Several ranges a core, so that a core that is held up does not hold up the others.
    let ranges = min(count, cores * 4)
    // Pointers are not Sendable; the ranges are disjoint, and all calls have returned when this function does.
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: ranges) { index in
        body(count * index / ranges..<count * (index + 1) / ranges)
    }
}
