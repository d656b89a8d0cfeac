import Foundation
import Monge
import Synchronization
import Tensors

/// The device that all models are on, opened when it is first needed, and anew when it failed.
final class SharedDevice: Sendable {
    let turns = DeviceTurns()
    private let open: @Sendable () throws -> any Backend
    /// Used by whoever has the turn.
    private nonisolated(unsafe) var backend: (any Backend)?

    init(open: @escaping @Sendable () throws -> any Backend) { self.open = open }

    /// Opens something on the device.
    ///
    /// What shares the device is handed to an engine of its own, each of which uses it in its turn.
    func use<Result>(_ work: (any Backend) throws -> Result) throws -> sending Result {
        nonisolated(unsafe) var result: Result?
        try turns {
            if let backend {
                // One that was lost says so.
                do { try backend.synchronize() } catch { self.backend = nil }
            }
            if backend == nil { backend = try open() }
            result = try work(backend!)
        }
        nonisolated(unsafe) let made = result!
        return made
    }
}
