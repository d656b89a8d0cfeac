import Dispatch
import Synchronization

/// Whose turn it is on a device that several use, each from a thread of its own: engines, fits, pictures. Turns come in the order in which they were
/// asked for, so that a step of each is done in its turn.
public final class DeviceTurns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [DispatchSemaphore] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Does some work when it is its turn. Work within it does not ask for a turn of its own.
    public func callAsFunction<Result>(_ work: () throws -> Result) rethrows -> Result {
        take()
        defer { give() }
        return try work()
    }

    /// In the middle of work, lets those go first who wait.
    public func pass() {
        give()
        take()
    }

    private func take() {
        let semaphore: DispatchSemaphore? = state.withLock { state in
            guard state.isTaken else {
                state.isTaken = true
                return nil
            }
            let semaphore = DispatchSemaphore(value: 0)
            state.waiting.append(semaphore)
            return semaphore
        }
        semaphore?.wait()
    }

    /// Hands the turn to who waits longest: nobody comes in between.
    private func give() {
        state.withLock { state in
            if state.waiting.isEmpty { state.isTaken = false } else { state.waiting.removeFirst().signal() }
        }
    }
}
