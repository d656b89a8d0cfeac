import Synchronization

/// Whether somebody still listens to what comes of a request.
final class ListenerTicket: Sendable {
    private let left = Mutex(false)

    var hasLeft: Bool { left.withLock { $0 } }
    func leave() { left.withLock { $0 = true } }
}
