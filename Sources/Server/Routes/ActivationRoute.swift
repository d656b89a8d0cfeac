import Foundation
import Hummingbird
import Monge
import Tensors

/// `POST /v1/activations`: what a model's sites hold of posted texts.
struct ActivationRoute {
    let server: ServerState

    private enum Encoding: String, CaseIterable { case json, safetensors }
    private enum Pooling: String, CaseIterable { case mean, max, min, median, last, tokens }

    private struct Entry: Encodable, Sendable {
        let object = "activation"
        var index: Int
        var site: String
        var shape: [Int]
        var values: [Float]
    }

    private struct Answer: Encodable, Sendable {
        let object = "list"
        var data: [Entry]
        var model: String
        var usage: Usage
    }

    /// The most numbers of an answer: what would be some hundred megabytes of JSON is asked for in parts.
    private static let mostNumbers = 1 << 25

    func respond(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await RequestFields(server.body(of: request))
        let host = try server.textModel(body)
        let texts = try body.required("input", body.strings("input", atMost: 256))
        guard texts.allSatisfy({ !$0.isEmpty }) else { throw ServerError.field("input", "'input' has a text that is empty") }
        let sites = try SitePattern.names(
            among: host.face.sites, matching: body.required("sites", body.strings("sites", atMost: 256)), field: "sites",
            of: "'\(host.face.name)'")
        let pooling = try body.choice("pooling", Pooling.self) ?? .mean
        let encoding = try body.choice("encoding", Encoding.self) ?? .json
        let steering = try NamedSteer.ofTexts(body)
        guard steering.allSatisfy({ $0.schedule == .always }) else {
            throw ServerError.field(
                "steering", "maps act on all tokens of a text here: leave out 'scope', 'tokens', 'after' and 'schedule'")
        }
        let maps = try server.maps.steering(steering).map(\.steer)
        try body.finish()
        let name = host.face.name
        let tokens = texts.map { host.face.tokenizer.encode($0, addSpecial: true, parseSpecial: false) }
        for (index, tokens) in tokens.enumerated() where tokens.count > host.longest {
            throw ServerError.field(
                "input", "text \(index + 1) has \(tokens.count) tokens, and a text of '\(name)' may have \(host.longest)")
        }
        let count = tokens.reduce(0) { $0 + $1.count }
        let samples = pooling == .tokens ? count : texts.count
        let numbers = samples * sites.reduce(0) { $0 + host.face.channels[$1, default: 0] }
        guard numbers <= Self.mostNumbers else {
            throw ServerError.field(
                "sites", "the answer would have \(numbers) numbers, more than \(Self.mostNumbers): ask for fewer texts or sites at a time")
        }
        let capture = pooling == .tokens ? CapturePooling.all : CapturePooling(rawValue: pooling.rawValue)!
        let captured = try await context.whileConnected {
            try await withThrowingTaskGroup(of: (Int, [SiteActivations]).self) { group in
                for (index, tokens) in tokens.enumerated() {
                    group.addTask {
                        (
                            index,
                            try await host.activations(of: tokens, sites: sites, pooling: capture, steering: maps, client: context.client)
                        )
                    }
                }
                var captured = [[SiteActivations]](repeating: [], count: texts.count)
                for try await (index, activations) in group { captured[index] = activations }
                return captured
            }
        }
        server.metrics.count(promptTokens: count, generated: 0, model: name)
        if encoding == .safetensors { return try await file(captured, pooling: capture, host) }
        let entries = captured.enumerated().flatMap { index, sites in
            sites.map { site in
                Entry(
                    index: index, site: site.site, shape: pooling == .tokens ? [site.samples, site.channels] : [site.channels],
                    values: site.values)
            }
        }
        return try .json(Answer(data: entries, model: name, usage: Usage(promptTokens: count)))
    }

    /// The samples of all texts one after the other, as `monge activations` writes them.
    private func file(_ captured: [[SiteActivations]], pooling: CapturePooling, _ host: TextModelHost) async throws -> Response {
        let sites = captured[0].indices.map { site in
            var all = captured[0][site]
            (all.values, all.samples) = (captured.flatMap { $0[site].values }, captured.reduce(0) { $0 + $1[site].samples })
            return all
        }
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString).safetensors")
        defer { try? FileManager.default.removeItem(at: place) }
        try await host.perform { model, _ in
            try ActivationsFile(sites, model: model, options: CaptureOptions(pooling: pooling)).write(to: place)
        }
        return .bytes(try Data(contentsOf: place), type: "application/octet-stream")
    }
}
