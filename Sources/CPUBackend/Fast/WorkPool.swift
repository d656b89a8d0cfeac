import CSimd

/// The threads that share the work of an operation, and how much of it is worth sharing.
final class WorkPool {
    private let pool: OpaquePointer?
    /// The threads that work, the caller among them.
    let threads: Int

    /// - Parameter threads: nil for one a processor.
    init(threads: Int?) {
        let wanted = Int32(clamping: max(1, threads ?? Int(monge_available_processors())))
        // Where the system has no threads left, the caller does the work alone.
        pool = monge_pool_create(wanted)
        self.threads = pool == nil ? 1 : Int(wanted)
    }

    deinit {
        if let pool { monge_pool_destroy(pool) }
    }

    /// Says what the caller reads next besides what regions read, which is fetched at their ends; addresses need not be those of memory that is still
    /// there.
    func expect(_ first: monge_stretch, _ second: monge_stretch) {
        if let pool { monge_pool_expect(pool, first, second) }
    }

    /// Calls `body` with every number in `0 ..< count` once, on any thread and in any order.
    /// - Parameter body: Called from several threads at once, with the task and the number of the thread, below ``threads``.
    func run(_ count: Int, _ body: (_ task: Int, _ thread: Int) -> Void) {
        guard let pool, count > 1 else {
            for task in 0..<count { body(task, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            var body = body
            withUnsafeMutablePointer(to: &body) { context in
                monge_pool_run(
                    pool, count,
                    { context, task, thread in
                        context!.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(task, Int(thread))
                    }, context)
            }
        }
    }

    /// ``run(_:_:)`` for short tasks that come with every token: what they need lies in plain memory, so that threads do not take turns in counting
    /// references to it.
    /// - Parameter body: Captures nothing, and gets a copy of `context`.
    func run<Context: BitwiseCopyable>(
        _ count: Int, with context: Context,
        _ body: @convention(c) (_ context: UnsafeMutableRawPointer?, _ task: Int, _ thread: Int32) -> Void
    ) {
        var context = context
        withUnsafeMutablePointer(to: &context) { context in
            guard let pool, count > 1 else {
                for task in 0..<count { body(context, task, 0) }
                return
            }
            monge_pool_run(pool, count, body, context)
        }
    }

    /// Calls `body` with ranges that cover `0 ..< count` once, on one thread when there is little to do.
    /// - Parameters:
    ///   - cost: About how many floats one piece reads or writes.
    ///   - multiple: Ranges begin at multiples of this.
    func ranges(_ count: Int, cost: Int, multiple: Int = 1, _ body: (_ range: Range<Int>, _ thread: Int) -> Void) {
        // A region costs about a microsecond: some ten thousand floats from the second-level cache.
        let worthwhile = 1 << 14
        let units = (count + multiple - 1) / multiple
        let tasks = min(units, threads * 4, max(1, count * max(cost, 1) / worthwhile))
        guard tasks > 1, threads > 1 else {
            if count > 0 { body(0..<count, 0) }
            return
        }
        run(tasks) { task, thread in
            let (first, end) = (units * task / tasks * multiple, units * (task + 1) / tasks * multiple)
            body(first..<min(end, count), thread)
        }
    }
}
