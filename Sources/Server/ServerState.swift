import Foundation
import Hummingbird
import Logging
import Models
import Monge
import NIOCore
import Synchronization

/// What requests are served with.
final class ServerState: Sendable {
    let settings: ServerSettings
    let texts: [TextModelHost]
    let pictures: [PictureModelHost]
    let encoders: [EncoderHost]
    /// A budget that pictures keep to, on the memory of the process; nil for none.
    let pictureMemory: Int?
    let maps: MapLibrary
    let jobs: FitJobs
    let metrics: ServerMetrics
    let logger: Logger
    let began = Date()
    private let serving = Mutex((count: 0, isDraining: false))

    init(
        settings: ServerSettings, models: ServedModels, maps: MapLibrary, metrics: ServerMetrics, logger: Logger
    ) {
        (self.settings, self.maps, self.metrics, self.logger) = (settings, maps, metrics, logger)
        (texts, pictures, encoders, pictureMemory) = (models.texts, models.pictures, models.encoders, models.pictureMemory)
        jobs = FitJobs(maps: maps)
    }

    // MARK: Models

    private var names: [String] { texts.map(\.face.name) + pictures.map(\.face.name) + encoders.map(\.face.name) }

    /// The model that a body names, or the only one of its kind.
    private func model<Host>(_ body: RequestFields, _ hosts: [Host], _ kind: String, name: (Host) -> String) throws -> Host {
        guard let wanted = try body.string("model", atMost: 1024) else {
            guard hosts.count == 1 else {
                throw ServerError.field(
                    "model",
                    hosts.isEmpty
                        ? "this server has no \(kind)" : "'model' is missing; there are \(hosts.map(name).joined(separator: ", "))")
            }
            return hosts[0]
        }
        if let host = hosts.first(where: { name($0) == wanted }) { return host }
        if names.contains(wanted) {
            throw ServerError.field("model", "the model '\(wanted)' is no \(kind)", code: "wrong_model")
        }
        throw ServerError(
            .notFound, "there is no model '\(wanted.prefix(64))'; there are \(names.joined(separator: ", "))", parameter: "model",
            code: "model_not_found")
    }

    func textModel(_ body: RequestFields) throws -> TextModelHost { try model(body, texts, "language model") { $0.face.name } }
    func pictureModel(_ body: RequestFields) throws -> PictureModelHost { try model(body, pictures, "model of pictures") { $0.face.name } }
    func encoder(_ body: RequestFields) throws -> EncoderHost { try model(body, encoders, "encoder of texts") { $0.face.name } }

    // MARK: Bodies

    /// The body of a request, in JSON.
    func body(of request: Request) async throws -> [UInt8] {
        if let type = request.headers[.contentType], !type.lowercased().hasPrefix("application/json") {
            throw ServerError(.unsupportedMediaType, "the body is of type '\(type.prefix(64))', expected application/json")
        }
        return try await bytes(of: request, atMost: settings.bodyBytes)
    }

    /// The body of a request, whatever it is.
    func bytes(of request: Request, atMost limit: Int) async throws -> [UInt8] {
        let tooLarge = ServerError(.contentTooLarge, "the body is larger than the \(limit) bytes that are taken here")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        do {
            let buffer = try await request.body.collect(upTo: limit)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }

    // MARK: Coming and going

    /// Whether the server takes on nothing more.
    var isDraining: Bool { serving.withLock { $0.isDraining } }
    /// How many requests are being answered.
    var count: Int { serving.withLock { $0.count } }

    /// A request that is being answered, as long as somebody holds this: until its answer is written, or can be no more.
    final class Served: Sendable {
        private let server: ServerState

        fileprivate init(_ server: ServerState) { self.server = server }

        deinit { server.serving.withLock { $0.count -= 1 } }
    }

    /// - Returns: nil where no request may begin any more.
    func begin() -> Served? {
        let isIn = serving.withLock { state in
            guard !state.isDraining else { return false }
            state.count += 1
            return true
        }
        return isIn ? Served(self) : nil
    }

    /// Takes on nothing more, and waits for what was begun.
    func drain() async {
        serving.withLock { $0.isDraining = true }
        let end = ContinuousClock.now + .seconds(settings.drainSeconds)
        while count > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
    }
}
