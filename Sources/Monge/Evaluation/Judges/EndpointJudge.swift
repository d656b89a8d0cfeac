import CCurl
import Foundation
import ModelFiles

/// A judge behind an OpenAI-compatible address (`POST …/chat/completions`), asked yes or no.
///
/// The score is the probability of yes over that of yes or no among the likeliest first tokens, where the endpoint tells them (`logprobs`), else 1 or 0 by what
/// it answers. A request that fails for a while (no connection, no answer in time, status 429 or 5xx) is repeated a few times, after longer and longer waits.
public struct EndpointJudge: TextJudge {
    public let name: String
    private let url: String
    private let model: String
    private let question: YesNoQuestion
    private let key: String?
    private let patience: Double
    /// Seconds before the second try; twice as many before the next.
    private let firstWait: Double

    private static let tries = 4
    /// More bytes than an answer of one token has.
    private static let longestAnswer = 1 << 20

    /// - Parameters:
    ///   - address: With or without `/chat/completions`.
    ///   - key: Sent as a bearer's token.
    ///   - patience: The seconds for an answer.
    public init(
        _ address: String, model: String, question: String, name: String, key: String? = nil, patience: Double = 300, firstWait: Double = 1
    ) throws {
        guard address.hasPrefix("http://") || address.hasPrefix("https://") else {
            throw MongeError.usage("'\(address)' is no address of an endpoint: it begins with http:// or https://")
        }
        guard ccurl_is_there() != 0 else {
            throw MongeError.failed("an endpoint is asked through libcurl, which is not installed (Debian and Ubuntu: libcurl4)")
        }
        let base = address.hasSuffix("/") ? String(address.dropLast()) : address
        url = base.hasSuffix("/chat/completions") ? base : base + "/chat/completions"
        self.model = model
        self.question = try YesNoQuestion(question)
        self.name = name
        self.key = key
        self.patience = patience
        self.firstWait = firstWait
    }

    public var identity: String { "endpoint \(url) \(model) asked '\(question.description)'" }

    private struct Body: Encodable {
        struct Message: Encodable {
            var role = "user"
            var content: String
        }

        var model: String
        var messages: [Message]
        var max_tokens = 4
        var temperature = 0.0
        var logprobs = true
        var top_logprobs = 20
    }

    public func judge(_ texts: [String], each: ([Double]) throws -> Void) throws {
        for (index, text) in texts.enumerated() {
            let body = try JSONEncoder().encode(Body(model: model, messages: [.init(content: question.about(text))]))
            try each([try score(answer(to: body), of: index + 1)])
        }
    }

    /// The endpoint's answer, after a few tries where there must be.
    private func answer(to body: Data) throws -> [UInt8] {
        var wait = firstWait
        for attempt in 1... {
            let failure: String
            switch post(body) {
            case .answer(200, let bytes): return bytes
            case .answer(let status, let bytes):
                failure = "answers with status \(status): '\(String(decoding: bytes.prefix(400), as: UTF8.self).beginning)'"
                guard status == 429 || status >= 500 else { throw MongeError.failed("the endpoint \(url) \(failure)") }
            case .tooLong:
                throw MongeError.failed(
                    "the endpoint \(url) answers with more than \(Self.longestAnswer >> 20) MiB, which is no answer of a word")
            case .none(let reason): failure = "cannot be asked: \(reason)"
            }
            guard attempt < Self.tries else { throw MongeError.failed("the endpoint \(url) \(failure) (\(Self.tries) tries)") }
            Thread.sleep(forTimeInterval: wait)
            wait *= 2
        }
        preconditionFailure("the loop ends by an answer or an error")
    }

    private enum Outcome {
        case answer(Int, [UInt8])
        case tooLong
        case none(String)
    }

    private func post(_ body: Data) -> Outcome {
        let headers = ["Content-Type: application/json", "Expect:"] + (key.map { ["Authorization: Bearer \($0)"] } ?? [])
        var pointers: [UnsafePointer<CChar>?] = headers.map { UnsafePointer(strdup($0)) } + [nil]
        defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
        var answer = ccurl_answer()
        defer { free(answer.bytes) }
        let failed = body.withUnsafeBytes { bytes in
            ccurl_post(url, &pointers, bytes.baseAddress, bytes.count, Int(patience * 1000), Self.longestAnswer, &answer)
        }
        if answer.is_too_long != 0 { return .tooLong }
        guard failed == 0 else {
            return .none(withUnsafeBytes(of: answer.error) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        let bytes = UnsafeRawBufferPointer(start: answer.bytes, count: answer.count)
        return .answer(Int(answer.status), Array(bytes))
    }

    private func score(_ answer: [UInt8], of number: Int) throws -> Double {
        func wrong(_ what: String) -> MongeError {
            .failed("the endpoint \(url) \(what) for text \(number): '\(String(decoding: answer.prefix(400), as: UTF8.self).beginning)'")
        }
        guard let value = try? JSONParser.parse(MappedFile(contents: answer, name: url)) else { throw wrong("gives no JSON") }
        guard let choice = value["choices"]?.array?.first else { throw wrong("gives no choices") }
        let likeliest = choice["logprobs"]?["content"]?.array?.first?["top_logprobs"]?.array ?? []
        let known = likeliest.compactMap { entry -> (isYes: Bool, value: Double)? in
            guard let token = entry["token"]?.string, let logarithm = entry["logprob"]?.double else { return nil }
            return YesNoQuestion.meaning(token).map { ($0, logarithm) }
        }
        if let score = YesNoQuestion.score(known) { return score }
        guard let text = choice["message"]?["content"]?.string else { throw wrong("gives no message") }
        let word = text.drop { !$0.isLetter }.prefix { $0.isLetter }
        guard let isYes = YesNoQuestion.meaning(word) else { throw wrong("answers neither yes nor no") }
        return isYes ? 1 : 0
    }
}
