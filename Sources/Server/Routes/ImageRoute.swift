import Foundation
import Hummingbird
import ModelFiles
import Models
import Monge
import Pictures

/// `POST /v1/images/generations`.
struct ImageRoute {
    let server: ServerState

    private struct Entry: Encodable, Sendable {
        var b64Json: String
        var seed: UInt64
        var strength: Float?
    }

    private struct Answer: Encodable, Sendable {
        var created: Int
        var data: [Entry]
        var size: String
        let outputFormat = "png"
    }

    private struct ProgressEvent: Encodable, Sendable {
        let type = "image_generation.progress"
        var done: Int
        var total: Int
    }

    private struct PartialEvent: Encodable, Sendable {
        let type = "image_generation.partial_image"
        var b64Json: String
        var index: Int
        var partialImageIndex: Int
    }

    private struct CompletedEvent: Encodable, Sendable {
        let type = "image_generation.completed"
        var b64Json: String
        var index: Int
        var seed: UInt64
        var strength: Float?
        var createdAt: Int
        var size: String
        let outputFormat = "png"
    }

    /// What is to be drawn.
    private struct Order: Sendable {
        var requests: [PictureRequest]
        /// Of each request; nil where there is one strength alone.
        var strengths: [Float?]
        var options: PictureOptions
        var size: PictureSize
        var host: PictureModelHost

        func png(_ picture: Picture) throws -> String { Data(try picture.png()).base64EncodedString() }
    }

    private static let mostPictures = 64
    private static let mostPixels = 1 << 22

    func respond(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await RequestFields(server.body(of: request))
        let (order, isStreamed, partials) = try order(body)
        context.note(prompts: [order.requests[0].prompt])
        let events = order.host.draw(order.requests, options: order.options, partials: isStreamed ? partials : 0)
        do {
            return try await isStreamed ? stream(events, order) : whole(events, order, context)
        } catch  where order.options.scheduler != nil && (error is ModelError || error is ModelFileError) {
            // The model has been opened: what is wrong with its settings is so for the scheduler that was asked for in the place of its own.
            throw ServerError.field("scheduler", "this model cannot be drawn with the scheduler '\(order.options.scheduler!)': \(error)")
        }
    }

    private func order(_ body: RequestFields) throws -> (Order, isStreamed: Bool, partials: Int) {
        let host = try server.pictureModel(body)
        let prompt = try body.required("prompt", body.string("prompt", atMost: 65_536))
        let count = try body.integer("n", in: 1...16) ?? 1
        let size = try size(body) ?? host.face.size
        let seed = try body.integer("seed", in: 0...Int.max).map(UInt64.init) ?? .random(in: 0...UInt64(Int32.max))
        var options = PictureOptions(
            steps: try body.integer("steps", in: 1...1000) ?? 20, guidance: try body.number("guidance", in: 0...1000), size: size,
            memory: server.pictureMemory)
        options.scheduler = try body.string("scheduler", atMost: 256)
        let negative = try body.string("negative_prompt", atMost: 65_536)
        let named = try NamedSteer.ofPictures(body)
        let strengths = try body.numbers("strengths", in: NamedSteer.strengths, atMost: 16)
        guard strengths == nil || !named.isEmpty else {
            throw ServerError.field("strengths", "'strengths' multiply those of 'steering', which names no map")
        }
        guard count * (strengths?.count ?? 1) <= Self.mostPictures else {
            throw ServerError.field("n", "\(count) pictures at \(strengths!.count) strengths are more than \(Self.mostPictures)")
        }
        let isStreamed = try body.bool("stream") ?? false
        let partials = try body.integer("partial_images", in: 0...3) ?? 0
        try refuse(body)
        try body.finish()
        let all: [Float?] = strengths.map { $0.map { $0 } } ?? [nil]
        let steerings = try all.map { try server.maps.pictureSteering(named, multipliedBy: $0 ?? 1) }
        var order = Order(requests: [], strengths: [], options: options, size: size, host: host)
        for number in 0..<count {
            for (strength, steering) in zip(all, steerings) {
                order.requests.append(
                    PictureRequest(
                        prompt, negative: negative, seed: seed &+ UInt64(number), steering: steering,
                        name: count * all.count > 1 ? "picture \(order.requests.count + 1)" : "the picture"))
                order.strengths.append(strength)
            }
        }
        return (order, isStreamed, partials)
    }

    private func size(_ body: RequestFields) throws -> PictureSize? {
        guard let text = try body.string("size", atMost: 32), text != "auto" else { return nil }
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard sides.count == 2, let width = sides[0], let height = sides[1], width > 0, height > 0 else {
            throw ServerError.field("size", "'size' is '\(text)', expected WIDTHxHEIGHT in pixels, or auto")
        }
        // What takes all memory is not begun: a picture's own is a multiple of its pixels.
        guard width <= Self.mostPixels, height <= Self.mostPixels, width * height <= Self.mostPixels else {
            throw ServerError.field("size", "'size' is '\(text)', expected at most \(Self.mostPixels) pixels")
        }
        return PictureSize(width: width, height: height)
    }

    private func refuse(_ body: RequestFields) throws {
        try body.refuse("response_format", unless: { $0.string == "b64_json" }, "pictures come as 'b64_json'")
        try body.refuse("output_format", unless: { $0.string == "png" }, "pictures are PNG files")
        try body.refuse("quality", unless: { $0.string == "auto" || $0.string == "standard" }, "'steps' says how well pictures are drawn")
        try body.refuse("style", "maps of 'steering' give pictures a style")
        try body.refuse("background", unless: { $0.string == "auto" || $0.string == "opaque" }, "pictures have no transparency")
        try body.refuse("moderation", unless: { $0.string == "auto" || $0.string == "low" }, "nothing is moderated")
        try body.refuse("output_compression", unless: { $0.integer == 100 }, "PNG files lose nothing")
        _ = try body.string("user", atMost: 256)
    }

    private func whole(
        _ events: AsyncThrowingStream<PictureEvent, any Error>, _ order: Order, _ context: ServerContext
    ) async throws -> Response {
        let entries = try await context.whileConnected {
            var entries = [Entry?](repeating: nil, count: order.requests.count)
            for try await case .picture(let index, let drawn) in events {
                entries[index] = Entry(
                    b64Json: try order.png(drawn.picture), seed: order.requests[index].seed, strength: order.strengths[index])
            }
            guard entries.allSatisfy({ $0 != nil }) else { throw CancellationError() }
            return entries.map { $0! }
        }
        server.metrics.count(pictures: entries.count, model: order.host.face.name)
        return try .json(
            Answer(created: Int(Date().timeIntervalSince1970), data: entries, size: "\(order.size.width)x\(order.size.height)"))
    }

    private func stream(_ events: AsyncThrowingStream<PictureEvent, any Error>, _ order: Order) async throws -> Response {
        var iterator = HandedOn(iterator: events.makeAsyncIterator())
        let first = try await iterator.iterator.next()
        return EventStream.response { [iterator] writer in
            var (iterator, next, drawn) = (iterator.iterator, first, 0)
            while let event = next {
                switch event {
                case .progress(let done, let total):
                    let event = ProgressEvent(done: done, total: total)
                    try await writer.write(event, event: event.type)
                case .partial(let index, let number, let picture):
                    let event = PartialEvent(b64Json: try order.png(picture), index: index, partialImageIndex: number)
                    try await writer.write(event, event: event.type)
                case .picture(let index, let picture):
                    drawn += 1
                    let event = CompletedEvent(
                        b64Json: try order.png(picture.picture), index: index, seed: order.requests[index].seed,
                        strength: order.strengths[index], createdAt: Int(Date().timeIntervalSince1970),
                        size: "\(order.size.width)x\(order.size.height)")
                    try await writer.write(event, event: event.type)
                }
                next = try await iterator.next()
            }
            server.metrics.count(pictures: drawn, model: order.host.face.name)
            guard drawn == order.requests.count else { throw CancellationError() }
        }
    }
}
