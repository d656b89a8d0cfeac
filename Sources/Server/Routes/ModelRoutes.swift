import Foundation
import Hummingbird
import Monge

/// `/v1/models`.
struct ModelRoutes {
    let server: ServerState

    private struct Answer: Encodable, Sendable {
        var id: String
        let object = "model"
        var created: Int
        let ownedBy = "monge"
        var kind: String
        var architecture: String
        var contextLength: Int?
        var size: [Int]?
        var channels: Int?
        var sites: Int?
        var hasChat: Bool?
    }

    private var answers: [Answer] {
        let created = Int(server.began.timeIntervalSince1970)
        let texts = server.texts.map { host in
            Answer(
                id: host.face.name, created: created, kind: "text", architecture: host.face.architecture, contextLength: host.longest,
                sites: host.face.sites.count, hasChat: host.face.hasChat)
        }
        let pictures = server.pictures.map { host in
            Answer(
                id: host.face.name, created: created, kind: "picture", architecture: host.face.architecture,
                size: [host.face.size.width, host.face.size.height], sites: host.face.sites.count)
        }
        let encoders = server.encoders.map { host in
            Answer(
                id: host.face.name, created: created, kind: "encoder", architecture: host.face.architecture,
                contextLength: host.face.maximumTokens, channels: host.face.channels)
        }
        return texts + pictures + encoders
    }

    func list() throws -> Response { try .json(ListAnswer(data: answers)) }

    func show(_ context: ServerContext) throws -> Response {
        let parameter = try context.parameters.require("model")
        let name = parameter.removingPercentEncoding ?? parameter
        guard let answer = answers.first(where: { $0.id == name }) else {
            throw ServerError.notFound(
                "there is no model '\(name.prefix(64))'; there are \(answers.map(\.id).joined(separator: ", "))", code: "model_not_found")
        }
        return try .json(answer)
    }
}
