import Foundation

/// Work that is done before the process ends by a signal: other processes are ended along with it, files and folders that are there for a while
/// removed.
///
/// It is done on a thread of its own, which the handler wakes: a handler itself may do next to nothing.
public enum InterruptionWork {
    private static let lock = NSLock()
    nonisolated(unsafe) private static var entries: [Int: @Sendable () -> Void] = [:]
    nonisolated(unsafe) private static var next = 0
    nonisolated(unsafe) private static var isEnding = false

    /// Does `body`, with `work` to be done when a signal ends the process meanwhile.
    static func during<T>(_ body: () throws -> T, first work: @escaping @Sendable () -> Void) rethrows -> T {
        let number = enter(work)
        defer { leave(number) }
        return try body()
    }

    /// Notes work until it is taken back.
    static func enter(_ work: @escaping @Sendable () -> Void) -> Int {
        lock.withLock {
            next += 1
            entries[next] = work
            return next
        }
    }

    /// Takes work back that needs not be done any more. Once a signal has come it does not return: what went wrong since, for example because
    /// another process was ended, is nobody's news, and the process ends by the signal.
    static func leave(_ number: Int) {
        let stays = lock.withLock {
            entries[number] = nil
            return isEnding
        }
        while stays { sleep(1) }
    }

    /// From here on SIGINT, SIGTERM and SIGHUP have the work done, and the process ended as they would have. Those that are ignored, as under
    /// `nohup`, stay so. For programs: a library leaves signals to its host.
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
            let all = lock.withLock {
                isEnding = true
                return Array(entries.values)
            }
            for work in all { work() }
            signal(Int32(number), SIG_DFL)
            kill(getpid(), Int32(number))
        }
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var old = sigaction()
            sigaction(number, nil, &old)
            guard unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self) else { continue }
            signal(number, wakeUp)
        }
    }
}

/// Where the handler writes the signal's number; the thread reads at the other end.
nonisolated(unsafe) private var wakeUpPipe: (Int32, Int32) = (-1, -1)

private func wakeUp(_ number: Int32) {
    let error = errno
    var byte = UInt8(number)
    _ = write(wakeUpPipe.1, &byte, 1)
    errno = error
}
