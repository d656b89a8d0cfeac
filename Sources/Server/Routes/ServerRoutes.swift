import HTTPTypes
import Hummingbird

/// Which path is answered by what.
struct ServerRoutes {
    let server: ServerState

    private typealias Answer = @Sendable (Request, ServerContext) async throws -> Response

    func router() -> Router<ServerContext> {
        let server = server
        let (models, maps, status) = (ModelRoutes(server: server), MapRoutes(server: server), StatusRoutes(server: server))
        var table = RouteTable()
        var routes: [(method: HTTPRequest.Method, path: String, answer: Answer)] = []
        func add(_ method: HTTPRequest.Method, _ path: String, _ answer: @escaping Answer) {
            table.add(path, method)
            routes.append((method, path, answer))
        }
        add(.post, "/v1/completions") { request, context in try await CompletionRoute(server: server).respond(request, context) }
        add(.post, "/v1/chat/completions") { request, context in try await ChatRoute(server: server).respond(request, context) }
        add(.post, "/v1/steering/preview") { request, context in try await PreviewRoute(server: server).respond(request, context) }
        add(.post, "/v1/activations") { request, context in try await ActivationRoute(server: server).respond(request, context) }
        add(.post, "/v1/embeddings") { request, context in try await EmbeddingRoute(server: server).respond(request, context) }
        add(.post, "/v1/images/generations") { request, context in try await ImageRoute(server: server).respond(request, context) }
        add(.get, "/v1/models") { _, _ in try models.list() }
        add(.get, "/v1/models/{model}") { _, context in try models.show(context) }
        add(.get, "/v1/maps") { _, _ in try maps.list() }
        add(.post, "/v1/maps") { request, context in try await maps.fit(request, context) }
        add(.get, "/v1/maps/{name}") { _, context in try maps.show(context) }
        add(.put, "/v1/maps/{name}") { request, context in try await maps.upload(request, context) }
        add(.delete, "/v1/maps/{name}") { _, context in try maps.remove(context) }
        add(.get, "/v1/maps/{name}/file") { _, context in try maps.file(context) }
        add(.get, "/v1/maps/{name}/evaluation") { _, context in try maps.evaluation(context) }
        add(.get, "/v1/jobs") { _, _ in try maps.jobs() }
        add(.get, "/v1/jobs/{id}") { _, context in try maps.job(context) }
        add(.delete, "/v1/jobs/{id}") { _, context in try maps.cancelJob(context) }
        add(.get, "/health") { _, _ in try await status.health() }
        add(.get, "/metrics") { _, _ in await status.metrics() }
        add(.get, "/openapi.json") { request, _ in try PageRoutes.file("openapi.json", request) }
        add(.get, "/") { request, _ in try PageRoutes.file("index.html", request) }
        add(.get, "/studio/{file}") { request, context in try PageRoutes.file(context.parameters.require("file"), request) }
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: BrowserRules(origins: server.settings.origins))
        router.add(middleware: AnswerEveryone(server: server, paths: table))
        router.add(middleware: KeyCheck(server.settings.keys))
        for (method, path, answer) in routes { router.on(RouterPath(path), method: method) { try await answer($0, $1) } }
        return router
    }
}
