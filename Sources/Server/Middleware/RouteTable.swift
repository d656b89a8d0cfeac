import HTTPTypes

/// Which paths there are, and with which methods.
struct RouteTable: Sendable {
    private var routes: [(pattern: String, parts: [Substring], method: HTTPRequest.Method)] = []

    mutating func add(_ pattern: String, _ method: HTTPRequest.Method) {
        routes.append((pattern, pattern.split(separator: "/"), method))
    }

    private func matches(_ parts: [Substring], _ path: [Substring]) -> Bool {
        parts.count == path.count && zip(parts, path).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }

    /// The pattern that a path matches, for counting: names are as many as there are clients.
    func pattern(of path: String) -> String? {
        let path = path.split(separator: "/")
        return routes.first { matches($0.parts, path) }?.pattern
    }

    func methods(of path: String) -> [HTTPRequest.Method] {
        let path = path.split(separator: "/")
        return routes.filter { matches($0.parts, path) }.map(\.method)
    }
}
