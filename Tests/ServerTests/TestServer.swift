import Foundation
import Monge
import Server
import Synchronization
import Tensors
import Testing
import Transport

/// A server in this process, on a port that is free.
final class TestServer: Sendable {
    let port: Int
    let folder: URL
    private let task: Task<Void, any Error>

    init(
        models: [ServedModel], maps: [(name: String, map: TransportMap)] = [], settings: (inout ServerSettings) -> Void = { _ in },
        options change: (inout ServedModelOptions) -> Void = { _ in },
        open: @escaping @Sendable () throws -> any Backend = { try DeviceChoice.cpu.open() }
    ) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("monge-server-\(UUID().uuidString)")
        let fixed = folder.appendingPathComponent("fixed")
        try FileManager.default.createDirectory(at: fixed, withIntermediateDirectories: true)
        let files = try maps.map { map in
            let file = fixed.appendingPathComponent("\(map.name).safetensors")
            try map.map.write(to: file)
            return (name: map.name, file: file.path)
        }
        var own = ServerSettings()
        own.port = 0
        settings(&own)
        var options = ServedModelOptions(open: open)
        change(&options)
        let server = try MongeServer(
            models: models, maps: files, folder: folder.appendingPathComponent("maps"), settings: own, options: options, log: .critical)
        let (ports, told) = AsyncStream<Int>.makeStream()
        task = Task.detached {
            defer { told.finish() }
            try await server.run { port in told.yield(port) }
        }
        var iterator = ports.makeAsyncIterator()
        port = try #require(await iterator.next())
    }

    deinit {
        task.cancel()
        try? FileManager.default.removeItem(at: folder)
    }

    func post(_ path: String, _ body: [String: Any]) async throws -> Answer { try await TestClient.post(path, body, port: port) }
    func get(_ path: String) async throws -> Answer { try await TestClient.get(path, port: port) }

    /// Waits until no text is waited for or served.
    func settle() async throws {
        for _ in 0..<600 {
            let requests = try await get("/health").json["requests"]
            if requests["waiting"].integer == 0, requests["served"].integer == 0 { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("texts are still served when nobody waits for any")
    }
}

/// SmolLM2, and maps that change what it writes.
enum ServedTestModel {
    static func model() throws -> Model { try Model.load("smollm2", device: .cpu) }

    /// Moves every neuron of the last norm by an amount of its own.
    static func map(_ model: Model, seed: UInt64, position: Position = .all) -> TransportMap {
        let site = model.language.sites.first { $0.name == "model.norm" }!
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next() -> Float {
            // xorshift64 (Marsaglia 2003)
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(state >> 40) * 0x1p-24 - 0.5
        }
        let beta = (0..<site.channels).map { _ in 2 * next() }
        let ones = [Float](repeating: 1, count: site.channels)
        let map = AffineMap(
            omega: ones, beta: beta, low: ones.map { _ in -Float.infinity }, high: ones.map { _ in Float.infinity })
        return TransportMap(
            sites: [TransportMap.Site(name: site.name, map: map, deadNeurons: 0)],
            description: TransportDescription(
                method: "mean", estimation: .simultaneous, pooling: "mean", support: .all, position: position,
                architecture: model.language.architecture, fingerprint: model.language.fingerprint, sourceName: "a", targetName: "b",
                sourceCount: 1, targetCount: 1, seed: seed, date: ""))
    }
}
