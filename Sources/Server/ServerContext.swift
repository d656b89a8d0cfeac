import Foundation
import Hummingbird
import Logging
import Monge
import NIOCore
import Synchronization

/// What is known of a request beside itself.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel
    /// The client's own, or one that is drawn.
    var requestID: String
    /// Who asks, for a fair share: a key, or a connection.
    var client: String
    /// Whether prompts may be written to the log.
    var logsPrompts = false

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        requestID = Self.drawnID()
        client = "connection \(ObjectIdentifier(channel).hashValue)"
    }

    private static func drawnID() -> String {
        let digits = Array("0123456789abcdef")
        return String((0..<24).map { _ in digits.randomElement()! })
    }

    /// Does something while somebody waits for it: it is cancelled when the connection is gone. One that was closed on the client's side alone is not,
    /// since such a client may still read.
    func whileConnected<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await work() }
            group.addTask { [channel] in
                while channel.isActive { try await Task.sleep(for: .seconds(1)) }
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }

    /// Writes down what is asked for.
    func note(prompts: [String]) {
        guard logsPrompts else { return }
        logger.info("prompts", metadata: ["prompts": .array(prompts.map { .string($0) })])
    }
}
