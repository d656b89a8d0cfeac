import Foundation

/// The temporary files that exist now, so that a program that is interrupted can take them along.
///
/// Their names lie in memory that a signal handler may read: allocated once, never moved or freed.
public enum TemporaryFiles {
    private struct Slot {
        var isUsed = false
        let name = UnsafeMutablePointer<CChar>.allocate(capacity: Int(PATH_MAX))
    }

    /// More than are ever written at once; a file that finds no slot is not removed by a signal.
    private static let count = 16
    nonisolated(unsafe) private static let slots: UnsafeMutableBufferPointer<Slot> = {
        let slots = UnsafeMutableBufferPointer<Slot>.allocate(capacity: count)
        for index in 0..<count { slots.initializeElement(at: index, to: Slot()) }
        return slots
    }()
    private static let lock = NSLock()

    /// Notes a file that is about to be created.
    static func enter(_ path: String) -> Int? {
        lock.withLock {
            guard path.utf8.count < Int(PATH_MAX), let index = slots.firstIndex(where: { !$0.isUsed }) else { return nil }
            path.withCString { _ = strcpy(slots[index].name, $0) }
            slots[index].isUsed = true
            return index
        }
    }

    /// Forgets a file that is no longer there.
    static func leave(_ index: Int?) {
        guard let index else { return }
        lock.withLock { slots[index].isUsed = false }
    }

    /// Removes them when the process is interrupted, hung up or asked to end; it then ends as it would have. For programs: a library leaves
    /// signals to its host. Signals that are ignored, as under `nohup`, stay so.
    public static func removeWhenInterrupted() {
        _ = slots
        EndingSignals.handle(with: removeAndEnd)
    }

    /// Does only what a signal handler may.
    static func removeAll() {
        for index in 0..<count where slots[index].isUsed { unlink(slots[index].name) }
    }
}

private func removeAndEnd(_ number: Int32) {
    TemporaryFiles.removeAll()
    signal(number, SIG_DFL)
    raise(number)
}
