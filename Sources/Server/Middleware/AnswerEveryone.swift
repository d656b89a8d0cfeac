import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// Numbers requests, refuses those that come while the server stops, turns what is thrown into answers, counts, and writes a line.
struct AnswerEveryone: RouterMiddleware {
    let server: ServerState
    /// The methods of each path, to tell a wrong method from a wrong path.
    let paths: RouteTable

    private static let idName = HTTPField.Name("x-request-id")!

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let own = request.headers[Self.idName], own.isPlainName { context.requestID = own }
        context.logsPrompts = server.settings.logsPrompts
        context.logger = server.logger
        context.logger[metadataKey: "request"] = "\(context.requestID)"
        let began = ContinuousClock.now
        // Whoever asks how the server is gets an answer until the end.
        let isWatching = request.uri.path == "/health" || request.uri.path == "/metrics"
        let served = isWatching ? nil : server.begin()
        guard isWatching || served != nil else {
            let refusal = ServerError(
                .serviceUnavailable, "the server is stopping, and takes on nothing more", code: "stopping", retryAfter: 10)
            return finished(refusal.response, request, context, began)
        }
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = refusal(error, request, context).response
        }
        if request.method == .head { response.body = ResponseBody() }
        let body = response.body
        let status = response.status
        response.body = ResponseBody(contentLength: body.contentLength) { [context] writer in
            defer { withExtendedLifetime(served) {} }
            do {
                try await body.write(writer)
                note(request, status, context, began)
            } catch {
                // The connection is gone, or the client has left in the middle.
                note(request, status, context, began, end: "the client left")
                throw error
            }
        }
        response.headers[Self.idName] = context.requestID
        return response
    }

    private func refusal(_ error: any Error, _ request: Request, _ context: ServerContext) -> ServerError {
        var refusal = ServerError(error)
        // The router's own: nothing is there, or not under this method.
        if error is HTTPError, refusal.status == .notFound {
            let path = request.uri.path
            let methods = paths.methods(of: path)
            refusal =
                methods.isEmpty
                ? ServerError.notFound("there is nothing at \(path.prefix(128)); /openapi.json says what there is")
                : ServerError(
                    .methodNotAllowed,
                    "\(path.prefix(128)) takes \(methods.map(\.rawValue).joined(separator: ", ")), not \(request.method.rawValue)")
            refusal.allowed = methods
        }
        if error is CancellationError {
            refusal = ServerError(.serviceUnavailable, "the request was cancelled", code: "cancelled")
        } else if refusal.status.code >= 500, refusal.code != "stopping" {
            context.logger.error("a request failed", metadata: ["error": "\(error)"])
        }
        return refusal
    }

    private func finished(
        _ response: Response, _ request: Request, _ context: ServerContext, _ began: ContinuousClock.Instant
    ) -> Response {
        var response = response
        response.headers[Self.idName] = context.requestID
        note(request, response.status, context, began)
        return response
    }

    private func note(
        _ request: Request, _ status: HTTPResponse.Status, _ context: ServerContext, _ began: ContinuousClock.Instant, end: String? = nil
    ) {
        let duration = ContinuousClock.now - began
        let path = paths.pattern(of: request.uri.path) ?? "other"
        server.metrics.answered(path: path, method: request.method.rawValue, status: end == nil ? status.code : 499, after: duration)
        var metadata: Logger.Metadata = [
            "method": "\(request.method.rawValue)", "path": "\(request.uri.path.prefix(256))", "status": "\(status.code)",
            "milliseconds": "\((duration / .milliseconds(0.1)).rounded() / 10)",
        ]
        if let end { metadata["end"] = "\(end)" }
        context.logger.info("answered", metadata: metadata)
    }
}
