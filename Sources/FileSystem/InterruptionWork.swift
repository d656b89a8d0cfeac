import Foundation

/// Work that is done before the process ends by a signal: other processes that are ended along with it, folders that are removed.
///
/// Unlike ``TemporaryFiles``, whose handler does only what a handler may, the work runs on a thread of its own, which the handler wakes.
public enum InterruptionWork {
    private static let lock = NSLock()
    nonisolated(unsafe) private static var entries: [Int: @Sendable () -> Void] = [:]
    nonisolated(unsafe) private static var next = 0

    /// Does `body`, with `work` to be done when a signal ends the process meanwhile. For programs: a library leaves signals to its host, and
    /// ``begin()`` is what changes their handling.
    public static func during<T>(_ body: () throws -> T, first work: @escaping @Sendable () -> Void) rethrows -> T {
        let number = lock.withLock {
            next += 1
            entries[next] = work
            return next
        }
        defer { lock.withLock { entries[number] = nil } }
        return try body()
    }

    /// From here on SIGINT, SIGTERM and SIGHUP have the work done, temporary files removed, and the process ended as they would have. Those that
    /// are ignored stay so.
    public static func begin() {
        guard wakeUpPipe.0 < 0 else { return }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        wakeUpPipe = (ends[0], ends[1])
        let waking = ends[0]
        Thread.detachNewThread {
            var number: UInt8 = 0
            while read(waking, &number, 1) != 1 {}
            // Not under the lock: the work may wait for a process that another thread is about to begin.
            for work in lock.withLock({ Array(entries.values) }) { work() }
            TemporaryFiles.removeAll()
            signal(Int32(number), SIG_DFL)
            kill(getpid(), Int32(number))
        }
        EndingSignals.handle(with: wakeUp)
    }
}

/// Where the handler writes the signal's number; the thread reads at the other end.
nonisolated(unsafe) private var wakeUpPipe: (Int32, Int32) = (-1, -1)

private func wakeUp(_ number: Int32) {
    var byte = UInt8(number)
    _ = write(wakeUpPipe.1, &byte, 1)
}

/// The signals that ask a program to end.
enum EndingSignals {
    /// Signals that are ignored, as under `nohup`, stay so.
    static func handle(with handler: @escaping @convention(c) (Int32) -> Void) {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var old = sigaction()
            sigaction(number, nil, &old)
            guard unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self) else { continue }
            signal(number, handler)
        }
    }
}
