import Foundations
import Testing
import VulkanRuntime

@Suite struct StagingRingTests {
    @Test func piecesFollowEachOtherAndDoNotWrap() {
        var ring = StagingRing(capacity: 64)
        #expect(ring.reserve(20) == 0)
        #expect(ring.reserve(20) == 32)
        // Neither behind the second piece, which is full, nor in front of the first, which is not released.
        #expect(ring.reserve(1) == nil)
        ring.release(upTo: 32)
        #expect(ring.reserve(32) == 0)
        #expect(ring.reserve(1) == nil)
    }

    @Test func theWholeRingCanBeReserved() {
        var ring = StagingRing(capacity: 64)
        #expect(ring.reserve(16) == 0)
        ring.release(upTo: ring.head)
        #expect(ring.reserve(64) == 0)
        #expect(ring.reserve(1) == nil)
    }

    /// Pieces that are under way never overlap, and what does not fit fits once everything is released.
    @Test(arguments: 0..<10 as Range<UInt64>) func piecesUnderWayAreDisjoint(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var ring = StagingRing(capacity: 1024)
        var underWay: [(place: Range<Int>, end: Int)] = []
        for _ in 0..<500 {
            let size = Int.random(in: 1...400, using: &generator)
            if let place = ring.reserve(size) {
                let range = place..<place + size
                #expect(place >= 0 && range.upperBound <= 1024)
                #expect(underWay.allSatisfy { !$0.place.overlaps(range) })
                underWay.append((range, ring.head))
            } else {
                #expect(!underWay.isEmpty)
                let count = Int.random(in: 1...underWay.count, using: &generator)
                ring.release(upTo: underWay[count - 1].end)
                underWay.removeFirst(count)
                if underWay.isEmpty { #expect(ring.reserve(size) != nil) }
                ring.release(upTo: underWay.isEmpty ? ring.head : 0)
            }
        }
    }
}
