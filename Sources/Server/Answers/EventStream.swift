import Foundation
import Hummingbird
import NIOCore

/// An answer of events as they come (server-sent events, HTML Standard section 9.2), which ends with `[DONE]` as OpenAI's interface has it. What fails
/// after the first byte is an event of its own.
struct EventStream {
    /// Writes one event.
    struct Writer {
        private var writer: any ResponseBodyWriter

        init(_ writer: any ResponseBodyWriter) { self.writer = writer }

        mutating func write(_ value: some Encodable, event: String? = nil) async throws {
            try await write(json: AnswerText.bytes(value), event: event)
        }

        /// - Parameter json: Without a line break.
        mutating func write(json: some Sequence<UInt8>, event: String? = nil) async throws {
            var buffer = ByteBuffer()
            if let event { buffer.writeString("event: \(event)\n") }
            buffer.writeString("data: ")
            buffer.writeBytes(json)
            buffer.writeString("\n\n")
            try await writer.write(buffer)
        }

        fileprivate mutating func end() async throws {
            try await writer.write(ByteBuffer(string: "data: [DONE]\n\n"))
            try await writer.finish(nil)
        }
    }

    /// - Parameter events: Writes them. What it throws before the client has left is told to the client.
    static func response(_ events: @escaping @Sendable (inout Writer) async throws -> Void) -> Response {
        let body = ResponseBody { writer in
            var writer = Writer(writer)
            do {
                try await events(&writer)
            } catch {
                // Where nobody listens any more this throws, too.
                try await writer.write(ServerError(error))
            }
            try await writer.end()
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .init("x-accel-buffering")!: "no"],
            body: body)
    }
}
