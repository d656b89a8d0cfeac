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
        let longest = host.longest
        for (index, text) in texts.enumerated() {
            let count = host.face.tokenizer.encode(text, addSpecial: true, parseSpecial: false).count
            guard count <= longest else {
                throw ServerError.field(
                    "input", "text \(index + 1) has \(count) tokens, and a text of '\(host.face.name)' may have \(longest)")
            }
        }
        let tokens = texts.reduce(0) { $0 + host.face.tokenizer.encode($1, addSpecial: true, parseSpecial: false).count }
        let name = host.face.name
        return try await context.whileConnected {
            try await host.perform { model, pause in
                let channels = try model.sites(matching: sites).reduce(0) { $0 + $1.channels }
                let numbers = channels * (pooling == .tokens ? tokens : texts.count)
                guard numbers <= Self.mostNumbers else {
                    throw ServerError.field(
                        "sites",
                        "the answer would have \(numbers) numbers, more than \(Self.mostNumbers): ask for fewer texts or sites at a time")
                }
                let capture = CaptureOptions(
                    pooling: pooling == .tokens ? .all : CapturePooling(rawValue: pooling.rawValue), samples: .max, maximumTokens: longest)
                func activations(_ texts: [String]) throws -> [SiteActivations] {
                    try model.activations(of: texts, sites: sites, options: capture, steering: maps, progress: { _ in pause() })
                }
                if encoding == .safetensors {
                    let file = try ActivationsFile(activations(texts), model: model, options: capture)
                    let place = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString).safetensors")
                    defer { try? FileManager.default.removeItem(at: place) }
                    try file.write(to: place)
                    return .bytes(try Data(contentsOf: place), type: "application/octet-stream")
                }
                // Tokens are told apart by their texts: each is captured by itself.
                let captured = try pooling == .tokens ? texts.map { try activations([$0]) } : [activations(texts)]
                let entries = texts.indices.flatMap { index in
                    (pooling == .tokens ? captured[index] : captured[0]).map { site in
                        pooling == .tokens
                            ? Entry(index: index, site: site.site, shape: [site.samples, site.channels], values: site.values)
                            : Entry(
                                index: index, site: site.site, shape: [site.channels],
                                values: Array(site.values[index * site.channels..<(index + 1) * site.channels]))
                    }
                }
                return try .json(Answer(data: entries, model: name, usage: Usage(promptTokens: tokens)))
            }
        }
    }
}
