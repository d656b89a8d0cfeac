import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Null where there is nothing: an optional would be left out, and clients of OpenAI's interface look for some fields.
struct Nullable<Value: Encodable & Sendable>: Encodable, Sendable {
    var value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

/// A list as OpenAI's interface has it.
struct ListAnswer<Element: Encodable & Sendable>: Encodable, Sendable {
    let object = "list"
    var data: [Element]
}

/// Tokens that a request read and wrote.
struct Usage: Encodable, Sendable {
    var promptTokens = 0
    var completionTokens = 0
    var totalTokens: Int { promptTokens + completionTokens }

    private enum Keys: String, CodingKey { case promptTokens, completionTokens, totalTokens }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(promptTokens, forKey: .promptTokens)
        try container.encode(completionTokens, forKey: .completionTokens)
        try container.encode(totalTokens, forKey: .totalTokens)
    }
}

/// JSON as answers have it: names in snake_case, members in the order of their names.
enum AnswerText {
    static func bytes(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }
}

extension Response {
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) throws -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: try AnswerText.bytes(value))))
    }

    static func bytes(_ bytes: some Sequence<UInt8>, type: String, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = type
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension ServerError: Encodable {
    private struct Body: Encodable {
        var message: String
        var type: String
        var param: Nullable<String>
        var code: Nullable<String>
    }

    private enum Keys: String, CodingKey { case error }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(Body(message: message, type: type, param: Nullable(parameter), code: Nullable(code)), forKey: .error)
    }

    var response: Response {
        var headers = HTTPFields()
        if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
        if !allowed.isEmpty { headers[.allow] = allowed.map(\.rawValue).joined(separator: ", ") }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        // What is left of a body that is too large is not read.
        if status == .contentTooLarge || code == "bad_http" { headers[.connection] = "close" }
        return (try? .json(self, status: status, headers: headers)) ?? Response(status: status)
    }
}
