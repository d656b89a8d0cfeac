import Logging
import Monge
import Tensors

/// An engine, and another one in its place when the device fails.
actor EngineKeeper<Engine: Sendable> {
    private let name: String
    private let logger: Logger
    private let open: @Sendable () throws -> Engine
    private var engine: Engine
    /// How often the device failed and was opened anew.
    private var generation = 0
    private var reopening: Task<Engine, any Error>?

    /// - Parameter open: Opens the device anew, and the model on it.
    init(_ engine: Engine, name: String, logger: Logger, open: @escaping @Sendable () throws -> Engine) {
        (self.engine, self.name, self.logger, self.open) = (engine, name, logger, open)
    }

    var current: (engine: Engine, generation: Int) { (engine, generation) }

    /// Whether the device failed, or what is on it.
    static func isOfTheDevice(_ error: any Error) -> Bool {
        if case TensorError.deviceLost = error { return true }
        return error is EngineFailure
    }

    /// Does something; when the device fails, once more on the device opened anew.
    nonisolated func perform<Result: Sendable>(_ work: @Sendable (Engine) async throws -> Result) async throws -> Result {
        let (engine, generation) = await current
        do {
            return try await work(engine)
        } catch  where Self.isOfTheDevice(error) {
            let next = try await replacement(of: generation, because: error)
            do {
                return try await work(next)
            } catch  where Self.isOfTheDevice(error) {
                throw DeviceLost(cause: error)
            }
        }
    }

    /// Events of an engine. When the device fails before anything was handed on, once more on the device opened anew: nothing is ever said twice.
    nonisolated func stream<Event: Sendable>(
        _ events: @escaping @Sendable (Engine) -> AsyncThrowingStream<Event, any Error>
    ) -> AsyncThrowingStream<Event, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                var (engine, generation) = await current
                var isRepeated = false
                while true {
                    var isBegun = false
                    do {
                        for try await event in events(engine) {
                            isBegun = true
                            continuation.yield(event)
                        }
                        return continuation.finish()
                    } catch  where Self.isOfTheDevice(error) {
                        do {
                            let next = try await replacement(of: generation, because: error)
                            guard !isRepeated, !isBegun else { throw DeviceLost(cause: error) }
                            isRepeated = true
                            (engine, generation) = (next, await current.generation)
                        } catch {
                            return continuation.finish(throwing: error)
                        }
                    } catch {
                        return continuation.finish(throwing: error)
                    }
                }
            }
            continuation.onTermination = { reason in if case .cancelled = reason { task.cancel() } }
        }
    }

    /// The engine after one that failed: opened by whoever comes first.
    private func replacement(of failed: Int, because cause: any Error) async throws -> Engine {
        if failed < generation { return engine }
        if let reopening { return try await reopening.value }
        logger.error("the device failed; the model is opened anew", metadata: ["model": "\(name)", "error": "\(cause)"])
        let task = Task.detached { [open] in
            do { return try open() } catch { throw DeviceLost(cause: error) }
        }
        reopening = task
        defer { reopening = nil }
        let next = try await task.value
        (engine, generation) = (next, generation + 1)
        return next
    }
}
