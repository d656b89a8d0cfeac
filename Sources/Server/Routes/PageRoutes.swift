import Foundation
import HTTPTypes
import Hummingbird

/// The studio and the description of the interface: files that are part of the program.
enum PageRoutes {
    /// What the page may load: its own files, and pictures that it was given (Content Security Policy Level 3).
    private static let policy =
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

    private static let types = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "json": "application/json", "svg": "image/svg+xml",
    ]

    static func file(_ name: String, _ request: Request) throws -> Response {
        guard let bytes = ServerFiles.bytes(of: name), let type = types[String(name.split(separator: ".").last ?? "")] else {
            throw ServerError.notFound("the page has no file '\(name.prefix(64))'")
        }
        // A file changes with the program alone.
        let tag = "\"\(ServerFiles.hash(of: name))\""
        let headers: HTTPFields = [
            .eTag: tag, .cacheControl: "no-cache", .contentSecurityPolicy: policy, .init("referrer-policy")!: "no-referrer",
        ]
        if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
        return .bytes(bytes, type: type, headers: headers)
    }
}
