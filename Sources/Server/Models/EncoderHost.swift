import Logging
import Monge
import Tensors

/// An encoder of texts under a name.
final class EncoderHost: Sendable {
    struct Face: Sendable {
        let name: String
        let architecture: String
        let channels: Int
        let maximumTokens: Int
    }

    let face: Face
    private let keeper: EngineKeeper<EmbeddingEngine>

    init(name: String, logger: Logger, open: @escaping @Sendable () throws -> EmbeddingEngine) throws {
        let engine = try open()
        face = Face(name: name, architecture: engine.architecture, channels: engine.channels, maximumTokens: engine.maximumTokens)
        keeper = EngineKeeper(engine, name: name, logger: logger, open: open)
    }

    func embeddings(of texts: [String]) async throws -> (vectors: [[Float]], tokens: Int) {
        try await keeper.perform { try await $0.embeddings(of: texts) }
    }
}
