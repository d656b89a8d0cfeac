import Foundations
import Testing
import VulkanRuntime

@Suite struct RangeAllocatorTests {
    @Test func rangesAreAlignedAndDisjoint() {
        var ranges = RangeAllocator(capacity: 4096, alignment: 256)
        #expect(ranges.allocate(1) == 0)
        #expect(ranges.allocate(300) == 256)
        #expect(ranges.allocate(0) == 768)
        #expect(ranges.used == 256 + 512 + 256)
        #expect(ranges.largestFree == 4096 - 1024)
    }

    @Test func theSmallestRangeThatFitsIsTaken() {
        var ranges = RangeAllocator(capacity: 100, alignment: 1)
        let offsets = [30, 1, 10, 1].map { ranges.allocate($0) ?? -1 }
        #expect(offsets == [0, 30, 31, 41])
        let (a, b) = (offsets[0], offsets[2])
        ranges.release(offset: a, size: 30)
        ranges.release(offset: b, size: 10)
        // 58 bytes are free behind, 30 in front and 10 in the middle.
        #expect(ranges.allocate(8) == b)
        #expect(ranges.allocate(20) == a)
        #expect(ranges.allocate(58) == 42)
    }

    @Test func aRequestThatDoesNotFitChangesNothing() {
        var ranges = RangeAllocator(capacity: 512, alignment: 256)
        #expect(ranges.allocate(513) == nil)
        #expect(ranges.isEmpty)
        #expect(ranges.allocate(512) == 0)
        #expect(ranges.allocate(1) == nil)
        #expect(ranges.largestFree == 0)
    }

    /// Against a map of single bytes, over many random sequences.
    @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithAMapOfBytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alignment = [1, 4, 16].randomElement(using: &generator)!
        let capacity = 64 * alignment
        var ranges = RangeAllocator(capacity: capacity, alignment: alignment)
        var taken = [Bool](repeating: false, count: capacity)
        var live: [(offset: Int, size: Int)] = []

        func largestGap() -> Int {
            var longest = 0
            var run = 0
            for byte in taken {
                run = byte ? 0 : run + 1
                longest = max(longest, run)
            }
            return longest
        }

        for _ in 0..<400 {
            if live.isEmpty || Bool.random(using: &generator) {
                let size = Int.random(in: 0...12 * alignment, using: &generator)
                let rounded = max(alignment, (size + alignment - 1) / alignment * alignment)
                let fits = largestGap() >= rounded
                let offset = ranges.allocate(size)
                #expect((offset != nil) == fits)
                guard let offset else { continue }
                #expect(offset.isMultiple(of: alignment) && offset + rounded <= capacity)
                #expect(taken[offset..<offset + rounded].allSatisfy { !$0 })
                for byte in offset..<offset + rounded { taken[byte] = true }
                live.append((offset, size))
            } else {
                let (offset, size) = live.remove(at: Int.random(in: live.indices, using: &generator))
                ranges.release(offset: offset, size: size)
                for byte in offset..<offset + max(alignment, (size + alignment - 1) / alignment * alignment) { taken[byte] = false }
            }
            #expect(ranges.used == taken.count { $0 })
            #expect(ranges.largestFree == largestGap())
        }
        for (offset, size) in live { ranges.release(offset: offset, size: size) }
        #expect(ranges.isEmpty && ranges.largestFree == capacity)
    }
}
