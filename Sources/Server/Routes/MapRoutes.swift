import Foundation
import HTTPTypes
import Hummingbird
import Monge
import Tensors
import Transport

/// `/v1/maps` and `/v1/jobs`.
struct MapRoutes {
    let server: ServerState

    private struct Answer: Encodable, Sendable {
        var id: String
        let object = "map"
        /// The loaded models that it was fitted on.
        var model: [String]
        var method: String
        var estimation: String
        var sites: [String]
        var source: String
        var target: String
        var conditional: Bool
        var gated: Bool
        var bytes: Int
        var created: Int
        var evaluation: Bool
    }

    private struct Deletion: Encodable, Sendable {
        var id: String
        let object = "map"
        let deleted = true
    }

    private func answer(_ entry: MapLibrary.Entry) -> Answer {
        let description = entry.map.description
        let models =
            server.texts.map { ($0.face.name, $0.face.architecture, $0.face.fingerprint) }
            + server.pictures.map { ($0.face.name, $0.face.architecture, $0.face.fingerprint) }
        return Answer(
            id: entry.name,
            model: models.filter { $0.1 == description.architecture && $0.2 == description.fingerprint }.map(\.0),
            method: description.method, estimation: description.estimation.rawValue, sites: entry.map.sites.map(\.name),
            source: description.sourceName, target: description.targetName, conditional: entry.map.condition != nil,
            gated: entry.map.isGated, bytes: entry.bytes, created: Int(entry.created.timeIntervalSince1970),
            evaluation: entry.evaluation != nil)
    }

    private func name(_ context: ServerContext) throws -> String {
        let name = try context.parameters.require("name")
        return name.removingPercentEncoding ?? name
    }

    func list() throws -> Response { try .json(ListAnswer(data: server.maps.entries.map(answer))) }

    func show(_ context: ServerContext) throws -> Response { try .json(answer(server.maps.entry(name(context)))) }

    func file(_ context: ServerContext) throws -> Response {
        let entry = try server.maps.entry(name(context))
        return .bytes(
            try server.maps.contents(of: entry.url, entry.name), type: "application/octet-stream",
            headers: [.contentDisposition: "attachment; filename=\"\(entry.name).safetensors\""])
    }

    func evaluation(_ context: ServerContext) throws -> Response {
        let entry = try server.maps.entry(name(context))
        guard let url = entry.evaluation else {
            throw ServerError.notFound(
                "there is no evaluation of the map '\(entry.name)': what `monge evaluate --json` writes lies beside it, as \(entry.name).json"
            )
        }
        return .bytes(try server.maps.contents(of: url, entry.name), type: "application/json")
    }

    func upload(_ request: Request, _ context: ServerContext) async throws -> Response {
        let name = try name(context)
        try server.maps.checkName(name)
        let bytes = try await server.bytes(of: request, atMost: server.settings.mapBytes)
        let (entry, isReplaced) = try server.maps.add(name, bytes: bytes)
        context.logger.info("a map was uploaded", metadata: ["map": "\(name)", "bytes": "\(bytes.count)"])
        return try .json(answer(entry), status: isReplaced ? .ok : .created)
    }

    func remove(_ context: ServerContext) throws -> Response {
        let name = try name(context)
        try server.maps.remove(name)
        context.logger.info("a map was deleted", metadata: ["map": "\(name)"])
        return try .json(Deletion(id: name))
    }

    // MARK: Fits

    func fit(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await RequestFields(server.body(of: request))
        let host = try server.textModel(body)
        let name = try body.required("name", body.string("name", atMost: 64))
        let source = try sentences(body, "source")
        let target = try sentences(body, "target")
        let sites = try body.strings("sites", atMost: 256).map {
            try SitePattern.names(among: host.face.sites, matching: $0, field: "sites", of: "'\(host.face.name)'")
        }
        var options = FitOptions(sourceName: "\(name), source", targetName: "\(name), target")
        if let method = try body.string("method", atMost: 64) {
            guard let estimator = Estimator(rawValue: method) else {
                let all = Estimator.allCases.map(\.rawValue).joined(separator: ", ")
                throw ServerError.field("method", "'method' is '\(method)', expected one of \(all)")
            }
            options.method = estimator
        }
        options.estimation = try body.choice("estimation", Estimation.self)
        if let support = try body.string("support", atMost: 64) {
            guard let support = Support(name: support) else {
                throw ServerError.field("support", "'support' is '\(support)', which is none that `monge fit --support` takes")
            }
            options.support = support
        }
        options.shrinkage = try body.number("shrinkage", in: 0...1000) ?? 0
        options.capture.pooling = try body.choice("pooling", CapturePooling.self)
        options.capture.skippedTokens = try body.integer("skip_first", in: 0...4096) ?? 0
        options.seed = UInt64(try body.integer("seed", in: 0...Int.max) ?? 0)
        options.units = try body.integer("units", in: 1...(1 << 24))
        try body.finish()
        // What does not go together is refused now, and not by a job.
        try options.validate(pooling: options.effectivePooling.rawValue)
        return try .json(
            server.jobs.begin(FitJobs.Order(name: name, source: source, target: target, sites: sites, options: options), by: host),
            status: .accepted)
    }

    private func sentences(_ body: RequestFields, _ field: String) throws -> [String] {
        let sentences = try body.required(field, body.strings(field, atMost: 65_536, acceptsOne: false))
        guard sentences.allSatisfy({ $0.contains { !$0.isWhitespace } }) else {
            throw ServerError.field(field, "'\(field)' has a sentence that is empty")
        }
        return sentences
    }

    func jobs() throws -> Response { try .json(ListAnswer(data: server.jobs.jobs)) }

    func job(_ context: ServerContext) throws -> Response { try .json(server.jobs.job(context.parameters.require("id"))) }

    func cancelJob(_ context: ServerContext) throws -> Response { try .json(server.jobs.cancel(context.parameters.require("id"))) }
}
