import HTTPTypes
import Hummingbird
import ModelFiles
import Monge
import NIOCore
import NIOHTTP1
import Tensors
import Tokenizers
import Transport

/// Why a request is refused: an answer in the form that clients of OpenAI's interface read.
struct ServerError: Error {
    var status: HTTPResponse.Status
    /// A sentence that says what is wrong, where, and what to do.
    var message: String
    var type: String
    /// The field of the body.
    var parameter: String?
    var code: String?
    var retryAfter: Int?
    /// The methods that there are, where another was used.
    var allowed: [HTTPRequest.Method] = []

    init(_ status: HTTPResponse.Status, _ message: String, parameter: String? = nil, code: String? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.parameter = parameter
        self.code = code
        self.retryAfter = retryAfter
        type =
            switch status.code {
            case 401: "authentication_error"
            case 404: "not_found_error"
            case 405: "method_not_allowed_error"
            case 409: "conflict_error"
            case 413, 431: "request_too_large_error"
            case 429: "rate_limit_error"
            case 503: "unavailable_error"
            case 500...: "server_error"
            default: "invalid_request_error"
            }
    }

    /// A field that is wrong.
    static func field(_ name: String, _ message: String, code: String? = nil) -> ServerError {
        ServerError(.badRequest, message, parameter: name, code: code)
    }

    static func notFound(_ message: String, code: String? = nil) -> ServerError { ServerError(.notFound, message, code: code) }

    /// What any error comes to.
    init(_ error: any Error) {
        switch error {
        case let error as ServerError: self = error
        case MongeError.busy(let sentence): self.init(.tooManyRequests, sentence, code: "queue_full", retryAfter: 1)
        case let error as MongeError:
            switch error {
            case .contextExceeded(let sentence): self.init(.badRequest, sentence, code: "context_length_exceeded")
            case .wrongMap(let sentence): self.init(.badRequest, sentence, parameter: "steering", code: "wrong_map")
            // A map that moves a model out of its numbers was asked for.
            case .notFinite(let numbers) where !numbers.strengths.isEmpty:
                self.init(.badRequest, "\(error)", parameter: "steering", code: "not_finite")
            case .usage, .modelNotFound, .memoryBudget: self.init(.badRequest, "\(error)")
            case .failed, .notFinite, .busy: self.init(.internalServerError, "\(error)")
            }
        case let error as ChatTemplateError: self.init(.badRequest, "\(error)", parameter: "messages")
        case let error as TransportFileError: self.init(.badRequest, "\(error)", code: "bad_map")
        case let error as ModelFileError: self.init(.badRequest, "\(error)", code: "bad_file")
        case is NIOTooManyBytesError: self.init(.contentTooLarge, "the body is larger than this server takes")
        // What was sent after the head is no HTTP, or ends too early.
        case HTTPParserError.headerOverflow:
            self.init(.requestHeaderFieldsTooLarge, "the headers are larger than this server takes", code: "bad_http")
        case is HTTPParserError:
            self.init(.badRequest, "the body does not come as its headers say: \(error)", code: "bad_http")
        case is DeviceLost: self.init(.serviceUnavailable, "\(error)", code: "device_lost", retryAfter: 5)
        case let error as HTTPError: self.init(error.status, error.body ?? error.status.reasonPhrase)
        default: self.init(.internalServerError, "\(error)")
        }
    }
}

/// The device failed, and did not come back when it was opened anew.
struct DeviceLost: Error, CustomStringConvertible {
    let cause: any Error

    var description: String { "the device failed, and the request was not answered: \(cause)" }
}
