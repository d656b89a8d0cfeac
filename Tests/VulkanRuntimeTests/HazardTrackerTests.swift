import Foundations
import Testing
import VulkanRuntime

@Suite struct HazardTrackerTests {
    private func use(_ range: Range<UInt64>, _ access: HazardTracker.Access) -> HazardTracker.Use {
        HazardTracker.Use(start: range.lowerBound, end: range.upperBound, access: access)
    }

    @Test func onlyReadsOfTheSameMemoryNeedNoBarrier() {
        let accesses: [HazardTracker.Access] = [.read, .write, .readWrite]
        for earlier in accesses {
            for later in accesses {
                var tracker = HazardTracker()
                tracker.record(use(0..<16, earlier))
                #expect(tracker.conflicts(use(8..<24, later)) == (earlier != .read || later != .read), "\(earlier) then \(later)")
            }
        }
    }

    @Test func memoryThatOnlyTouchesNeedsNoBarrier() {
        var tracker = HazardTracker()
        tracker.record(use(16..<32, .write))
        #expect(!tracker.conflicts(use(0..<16, .readWrite)))
        #expect(!tracker.conflicts(use(32..<48, .readWrite)))
        #expect(tracker.conflicts(use(31..<32, .read)))
    }

    @Test func aBarrierSettlesWhatCameBefore() {
        var tracker = HazardTracker()
        tracker.record(use(0..<16, .write))
        tracker.barrier()
        #expect(!tracker.conflicts(use(0..<16, .readWrite)))
        tracker.record(use(0..<16, .read))
        #expect(tracker.conflicts(use(0..<16, .write)))
    }

    @Test func emptyRangesConflictWithNothing() {
        var tracker = HazardTracker()
        tracker.record(use(8..<8, .write))
        #expect(!tracker.conflicts(use(0..<16, .read)))
        tracker.record(use(0..<16, .write))
        #expect(!tracker.conflicts(use(8..<8, .write)))
    }

    @Test func aLongStretchWithoutBarrierEndsInOne() {
        var tracker = HazardTracker(longest: 4)
        for index in 0..<4 as Range<UInt64> {
            #expect(!tracker.conflicts(use(index * 16..<index * 16 + 16, .write)))
            tracker.record(use(index * 16..<index * 16 + 16, .write))
        }
        #expect(tracker.conflicts(use(1000..<1016, .read)))
        tracker.barrier()
        #expect(!tracker.conflicts(use(1000..<1016, .read)))
    }

    /// Against a record of every byte, over random commands.
    @Test(arguments: 0..<10 as Range<UInt64>) func agreesWithAMapOfBytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var tracker = HazardTracker()
        var read = [Bool](repeating: false, count: 64)
        var written = [Bool](repeating: false, count: 64)
        for _ in 0..<300 {
            let start = UInt64.random(in: 0..<64, using: &generator)
            let end = UInt64.random(in: start...64, using: &generator)
            let access = [HazardTracker.Access.read, .write, .readWrite].randomElement(using: &generator)!
            let bytes = Int(start)..<Int(end)
            let expected = bytes.contains { written[$0] || (access != .read && read[$0]) }
            #expect(tracker.conflicts(use(start..<end, access)) == expected)
            if expected {
                tracker.barrier()
                read = [Bool](repeating: false, count: 64)
                written = read
            }
            tracker.record(use(start..<end, access))
            for byte in bytes {
                if access != .write { read[byte] = true }
                if access != .read { written[byte] = true }
            }
        }
    }
}
