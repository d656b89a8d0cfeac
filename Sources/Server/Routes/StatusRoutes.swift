import Foundation
import Hummingbird
import Monge

/// How the server is, and what it has.
struct StatusRoutes {
    let server: ServerState

    private struct Health: Encodable, Sendable {
        struct Requests: Encodable, Sendable {
            var waiting: Int
            var served: Int
        }

        var status: String
        let version = MongeVersion.current
        var device: String?
        var models: [String]
        var requests: Requests
    }

    func health() async throws -> Response {
        var (waiting, served, isThere) = (0, 0, true)
        for host in server.texts {
            let load = await host.load
            waiting += load.waiting
            served += load.served
            isThere = isThere && load.isThere
        }
        let status = server.isDraining ? "stopping" : isThere ? "ok" : "device lost"
        let health = Health(
            status: status, device: server.texts.first?.face.device ?? server.pictures.first?.face.device,
            models: server.texts.map(\.face.name) + server.pictures.map(\.face.name) + server.encoders.map(\.face.name),
            requests: Health.Requests(waiting: waiting, served: served))
        return try .json(health, status: status == "ok" ? .ok : .serviceUnavailable)
    }

    func metrics() async -> Response {
        .bytes(await server.metrics.text(server).utf8, type: "text/plain; version=0.0.4; charset=utf-8")
    }
}
