import Foundation
import Testing

/// What a server answered.
struct Answer: Sendable {
    var status: Int
    var headers: [String: String]
    var body: Data

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON.
    var json: JSON { get throws { try JSON(body) } }

    /// The data of server-sent events, and whether the last one says that all is done.
    var events: (data: [JSON], isDone: Bool) {
        get throws {
            var data = text.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
            let isDone = data.last == "[DONE]"
            if isDone { data.removeLast() }
            return (try data.map { try JSON(Data($0.utf8)) }, isDone)
        }
    }
}

/// JSON that tests look into.
struct JSON {
    let value: Any?

    init(_ data: Data) throws { value = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed) }
    private init(_ value: Any?) { self.value = value }

    subscript(key: String) -> JSON { JSON((value as? [String: Any])?[key]) }
    subscript(index: Int) -> JSON {
        let array = value as? [Any] ?? []
        return JSON(array.indices.contains(index) ? array[index] : nil)
    }
    var string: String? { value as? String }
    var number: Double? { (value as? NSNumber)?.doubleValue }
    var integer: Int? { (value as? NSNumber)?.intValue }
    var bool: Bool? { (value as? NSNumber)?.boolValue }
    var array: [JSON] { (value as? [Any] ?? []).map { JSON($0) } }
    var keys: [String] { (value as? [String: Any]).map { $0.keys.sorted() } ?? [] }
    var isNull: Bool { value == nil || value is NSNull }
}

/// A client of nothing but a socket: it sends what it is told, and reads to the end of the connection.
enum TestClient {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// Sends a request on a connection of its own.
    static func send(
        _ method: String, _ path: String, _ body: Data? = nil, type: String = "application/json", headers: [String] = [], port: Int
    ) async throws -> Answer {
        try await onThread { try read(open(request(method, path, body, type: type, headers: headers), port: port)) }
    }

    static func post(_ path: String, _ body: [String: Any], port: Int) async throws -> Answer {
        try await send("POST", path, JSONSerialization.data(withJSONObject: body), port: port)
    }

    static func get(_ path: String, port: Int) async throws -> Answer { try await send("GET", path, port: port) }

    /// Sends a request, reads until so much came, and leaves.
    static func leave(after count: Int, _ path: String, _ body: [String: Any], port: Int) async throws {
        let data = try JSONSerialization.data(withJSONObject: body)
        try await onThread {
            let descriptor = try open(request("POST", path, data, type: "application/json", headers: []), port: port)
            defer { close(descriptor) }
            var (read, buffer) = (0, [UInt8](repeating: 0, count: 4096))
            while read < count {
                let own = recv(descriptor, &buffer, buffer.count, 0)
                guard own > 0 else { throw Failure(description: "the connection ended after \(read) bytes") }
                read += own
            }
        }
    }

    /// Work that waits, on a thread that no task needs.
    static func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Swift.Result { try work() }) }.start()
        }
    }

    private static func request(_ method: String, _ path: String, _ body: Data?, type: String, headers: [String]) -> Data {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost", "Connection: close"] + headers
        if let body { lines += ["Content-Type: \(type)", "Content-Length: \(body.count)"] }
        return Data((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? Data())
    }

    private static func open(_ bytes: Data, port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else {
            close(descriptor)
            throw Failure(description: "port \(port) cannot be reached")
        }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
            // A server that has seen enough of a body may close.
            guard count > 0 else { break }
            sent += count
        }
        return descriptor
    }

    private static func read(_ descriptor: Int32) throws -> Answer {
        defer { close(descriptor) }
        var (bytes, buffer) = (Data(), [UInt8](repeating: 0, count: 1 << 16))
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        guard let end = bytes.range(of: Data("\r\n\r\n".utf8)) else { throw Failure(description: "no head in \(bytes.count) bytes") }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let parts = head[0].split(separator: " ")
        guard parts.count >= 2, let status = Int(parts[1]) else { throw Failure(description: "'\(head[0])' is no status") }
        var headers: [String: String] = [:]
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
        let rest = bytes[end.upperBound...]
        let isChunked = headers["transfer-encoding"] == "chunked"
        return Answer(status: status, headers: headers, body: try isChunked ? dechunked(Data(rest)) : Data(rest))
    }

    private static func dechunked(_ bytes: Data) throws -> Data {
        var (result, rest) = (Data(), bytes[...])
        while let line = rest.range(of: Data("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[rest.startIndex..<line.lowerBound], as: UTF8.self), radix: 16) else { break }
            if size == 0 { return result }
            let end = line.upperBound + size
            guard end + 2 <= rest.endIndex else { break }
            result.append(rest[line.upperBound..<end])
            rest = rest[(end + 2)...]
        }
        throw Failure(description: "the answer ended in the middle")
    }
}
