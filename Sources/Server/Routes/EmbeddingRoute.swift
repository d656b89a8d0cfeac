import Foundation
import Hummingbird
import Monge

/// `POST /v1/embeddings`.
struct EmbeddingRoute {
    let server: ServerState

    private enum Format: String, CaseIterable { case float, base64 }

    private enum Vector: Encodable, Sendable {
        case numbers([Float])
        case text(String)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .numbers(let numbers): try container.encode(numbers)
            case .text(let text): try container.encode(text)
            }
        }
    }

    private struct Entry: Encodable, Sendable {
        let object = "embedding"
        var index: Int
        var embedding: Vector
    }

    private struct Answer: Encodable, Sendable {
        let object = "list"
        var data: [Entry]
        var model: String
        var usage: Usage
    }

    func respond(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await RequestFields(server.body(of: request))
        let host = try server.encoder(body)
        let texts = try body.required("input", body.strings("input", atMost: 2048))
        guard texts.allSatisfy({ !$0.isEmpty }) else { throw ServerError.field("input", "'input' has a text that is empty") }
        let format = try body.choice("encoding_format", Format.self) ?? .float
        try body.refuse(
            "dimensions", unless: { $0.integer == host.face.channels }, "vectors of '\(host.face.name)' have \(host.face.channels) numbers")
        _ = try body.string("user", atMost: 256)
        try body.finish()
        let (vectors, tokens) = try await context.whileConnected { try await host.embeddings(of: texts) }
        let entries = vectors.enumerated().map { index, vector in
            Entry(index: index, embedding: format == .float ? .numbers(vector) : .text(Self.base64(vector)))
        }
        server.metrics.count(promptTokens: tokens, generated: 0, model: host.face.name)
        return try .json(Answer(data: entries, model: host.face.name, usage: Usage(promptTokens: tokens)))
    }

    /// Little-endian f32, as OpenAI's interface has it.
    private static func base64(_ vector: [Float]) -> String {
        var data = Data(capacity: 4 * vector.count)
        for number in vector { withUnsafeBytes(of: number.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        return data.base64EncodedString()
    }
}
