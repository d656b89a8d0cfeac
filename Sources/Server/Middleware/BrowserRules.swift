import HTTPTypes
import Hummingbird

/// The outermost layer, so that a page reads refusals, too. What browsers are told: which other pages may ask (Fetch Standard, CORS), and what the server's own page may load.
struct BrowserRules: RouterMiddleware {
    let origins: [String]

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin].flatMap { origins.contains("*") || origins.contains($0) ? $0 : nil }
        if request.method == .options, let origin, request.headers[.accessControlRequestMethod] != nil {
            var headers = rules(origin)
            headers[.accessControlAllowMethods] = "GET, POST, PUT, DELETE"
            headers[.accessControlAllowHeaders] = "authorization, content-type, x-request-id"
            headers[.accessControlMaxAge] = "600"
            return Response(status: .noContent, headers: headers)
        }
        var response = try await next(request, context)
        if let origin { for field in rules(origin) { response.headers[field.name] = field.value } }
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    private func rules(_ origin: String) -> HTTPFields {
        [
            .accessControlAllowOrigin: origins.contains("*") ? "*" : origin, .vary: "origin",
            .accessControlExposeHeaders: "x-request-id, retry-after",
        ]
    }
}
