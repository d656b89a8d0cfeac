import Tokenizers

/// What a continuation grew by.
public struct GeneratedPart: Sendable, Equatable {
    /// The place of its request among those that are continued together.
    public var request: Int
    /// Whole characters: bytes that begin one are held back until the others come.
    public var text: String
}

/// Called with the parts of continuations as they are made; false ends all of them there.
public typealias GeneratedPartHandler = (GeneratedPart) -> Bool

/// Decodes the tokens of several continuations as they come, and hands on what is complete. The parts of a request add up to its text.
struct GenerationStream {
    private var decoders: [StreamDecoder?]
    private let handler: GeneratedPartHandler?
    /// Whether the handler wants no more.
    private(set) var isStopped = false

    init(requests: Int, tokenizer: any Tokenizer, handler: GeneratedPartHandler?) {
        decoders = handler == nil ? [] : [StreamDecoder?](repeating: StreamDecoder(tokenizer), count: requests)
        self.handler = handler
    }

    mutating func append(_ token: Int32, request: Int) {
        guard handler != nil, let text = decoders[request]?.append(token) else { return }
        hand(text, request)
    }

    /// Hands on what is left of a request that has ended.
    mutating func finish(request: Int) {
        guard handler != nil, let text = decoders[request]?.finish() else { return }
        decoders[request] = nil
        hand(text, request)
    }

    /// Hands on what is left of all.
    mutating func finish() { for request in decoders.indices { finish(request: request) } }

    private mutating func hand(_ text: String, _ request: Int) {
        guard !text.isEmpty, let handler else { return }
        if !handler(GeneratedPart(request: request, text: text)) { isStopped = true }
    }
}
