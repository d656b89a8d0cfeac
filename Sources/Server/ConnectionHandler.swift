import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// What a connection is told that requests do not see: bytes that are no HTTP, and a client that has sent all that it will.
///
/// A client that closes its side alone may still read, and gets its answer; one that has gone altogether looks the same until something is written to it. So
/// while such a client waits for an answer of which nothing was written yet, it is sent an interim one now and then (RFC 9110 section 15.2), which clients
/// pass over: where nobody is there any more the connection breaks, and what it waited for is given up.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Requests of which no answer has begun.
    private var unanswered = 0
    /// Whether an answer has begun and has not ended.
    private var isAnswering = false
    private var isInputClosed = false
    private var probe: Scheduled<Void>?
    /// Whether the client speaks a version that has no interim answers.
    fileprivate var isOld = false

    /// Notes the version of HTTP that requests are of, which they do not have behind the codec.
    private final class VersionNote: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias InboundOut = HTTPServerRequestPart

        private let handler: ConnectionHandler

        init(_ handler: ConnectionHandler) { self.handler = handler }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .head(let head) = unwrapInboundIn(data) { handler.isOld = head.version == .http1_0 }
            context.fireChannelRead(data)
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard let codec = try? context.pipeline.syncOperations.handler(type: HTTP1ToHTTPServerCodec.self) else { return }
        try? context.pipeline.syncOperations.addHandler(VersionNote(self), position: .before(codec))
    }

    private static let pause = TimeAmount.seconds(2)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head = unwrapInboundIn(data) { unanswered += 1 }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.status.kind != .informational:
            unanswered -= 1
            isAnswering = true
        case .end: isAnswering = false
        default: break
        }
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            isInputClosed = true
            ask(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        probe?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { probe?.cancel() }

    /// Sends an interim answer to a client that waits, if there is one.
    private func ask(_ context: ChannelHandlerContext) {
        guard isInputClosed, context.channel.isActive else { return }
        if unanswered > 0, !isAnswering, !isOld,
            let encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        {
            // From behind the encoder, which knows of final answers alone.
            encoder.writeAndFlush(NIOAny(ByteBuffer(string: "HTTP/1.1 102 Processing\r\n\r\n")), promise: nil)
        }
        let loopBound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        probe = context.eventLoop.scheduleTask(in: Self.pause) { loopBound.value.handler.ask(loopBound.value.context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Whoever reads the body of a request is told, and answers.
        guard let error = error as? HTTPParserError, unanswered == 0, !isAnswering else { return context.fireErrorCaught(error) }
        let isTooLarge = error == .headerOverflow
        let refusal = ServerError(
            isTooLarge ? .requestHeaderFieldsTooLarge : .badRequest,
            isTooLarge ? "the headers are larger than this server takes" : "what was sent is no request of HTTP/1.1", code: "bad_http")
        let body = ByteBuffer(bytes: (try? AnswerText.bytes(refusal)) ?? Data())
        let headers: HTTPFields = [.contentType: "application/json", .contentLength: "\(body.readableBytes)", .connection: "close"]
        context.write(wrapOutboundOut(.head(HTTPResponse(status: refusal.status, headerFields: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in loopBound.value.close(promise: nil) }
    }
}
