import CSimd
import Synchronization
import Testing

/// The thread pool on its own: every task of every region once, whoever is late.
@Suite struct FastWorkPoolTests {
    /// What the tasks of a region add to: a count for each task, and the threads that did them.
    private final class Tally: Sendable {
        let counts: [Atomic64]
        let strangers = Atomic<Int>(0)
        let threads: Int

        init(tasks: Int, threads: Int) {
            counts = (0..<tasks).map { _ in Atomic64() }
            self.threads = threads
        }
    }

    private final class Atomic64: Sendable {
        let value = Atomic<Int>(0)
    }

    private func run(_ pool: OpaquePointer, _ count: Int, _ tally: Tally) {
        monge_pool_run(
            pool, count,
            { context, index, thread in
                let tally = Unmanaged<Tally>.fromOpaque(context!).takeUnretainedValue()
                tally.counts[index].value.add(1, ordering: .relaxed)
                if thread < 0 || Int(thread) >= tally.threads { tally.strangers.add(1, ordering: .relaxed) }
            }, Unmanaged.passUnretained(tally).toOpaque())
    }

    /// Many short regions one after the other: a thread that is late for one must not take a task of the next. More threads than
    /// processors make threads late.
    @Test(arguments: [1, 2, 3, 8])
    func everyTaskIsDoneOnce(threads: Int) throws {
        let pool = try #require(monge_pool_create(Int32(threads)))
        defer { monge_pool_destroy(pool) }
        #expect(monge_pool_threads(pool) == threads)
        let sizes = [0, 1, 2, 3, 7, 16, 64]
        let tally = Tally(tasks: 64, threads: threads)
        var expected = [Int](repeating: 0, count: 64)
        for region in 0..<4000 {
            let count = sizes[region % sizes.count]
            run(pool, count, tally)
            for task in 0..<count { expected[task] += 1 }
            // All tasks are done when the call returns, not some time later.
            if region % 100 == 0 { #expect(tally.counts.map { $0.value.load(ordering: .relaxed) } == expected) }
        }
        #expect(tally.counts.map { $0.value.load(ordering: .relaxed) } == expected)
        #expect(tally.strangers.load(ordering: .relaxed) == 0)
    }

    /// Threads that went to sleep between regions wake up for the next.
    @Test func sleepersWake() async throws {
        let pool = try #require(monge_pool_create(4))
        defer { monge_pool_destroy(pool) }
        let tally = Tally(tasks: 16, threads: 4)
        for _ in 0..<20 {
            run(pool, 16, tally)
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(tally.counts.allSatisfy { $0.value.load(ordering: .relaxed) == 20 })
    }

    /// What tasks write is there for the caller to read.
    @Test func writesAreSeen() throws {
        let pool = try #require(monge_pool_create(4))
        defer { monge_pool_destroy(pool) }
        var values = [Int](repeating: 0, count: 1000)
        for region in 1...200 {
            values.withUnsafeMutableBufferPointer { buffer in
                monge_pool_run(
                    pool, 1000,
                    { context, index, _ in context!.assumingMemoryBound(to: Int.self)[index] += index + 1 }, buffer.baseAddress)
            }
            #expect(values == (1...1000).map { region * $0 })
        }
    }

    @Test func poolsWithoutWorkEnd() {
        for threads in 1...6 { monge_pool_destroy(monge_pool_create(Int32(threads))!) }
        #expect(monge_pool_create(0) == nil)
        #expect(monge_available_processors() >= 1)
    }
}
