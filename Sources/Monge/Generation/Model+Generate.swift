import Models
import Tensors
import Tokenizers

/// A prompt and the maps that steer its continuation.
public struct GenerationRequest: Sendable {
    public var prompt: String
    /// Maps in the order in which they act at a site; empty for the model as it is.
    public var steering: [Steer]
    /// The number of its stream of random numbers; its place in the batch when nil. Requests with the same stream draw the same numbers,
    /// so that what differs between their texts is the steering.
    public var stream: Int?
    /// What messages call the prompt, for example "prompt 3"; by its place in the batch when nil.
    public var name: String?
    /// Whether the prompt is a conversation that a chat template has written: no token is put before or after it, and the names of
    /// control tokens in it stand for these tokens.
    public var isRendered: Bool

    public init(_ prompt: String, steering: [Steer] = [], stream: Int? = nil, name: String? = nil, isRendered: Bool = false) {
        self.prompt = prompt
        self.steering = steering
        self.stream = stream
        self.name = name
        self.isRendered = isRendered
    }
}

/// What was generated for one request.
public struct Generation: Sendable, Equatable {
    /// The continuation, without the prompt.
    public var text: String
    public var tokens: [Int32]
    /// Whether the model ended the text itself.
    public var isFinished: Bool
    /// Why the continuation ended before its time; the others of its batch are whole. Nil for none.
    public var failure: MongeError?
    /// For each of the request's maps whether the prompt met its condition; nil for a map without one.
    public var metConditions: [Bool?]

    public init(text: String, tokens: [Int32], isFinished: Bool, failure: MongeError? = nil, metConditions: [Bool?] = []) {
        self.metConditions = metConditions
        self.text = text
        self.tokens = tokens
        self.isFinished = isFinished
        self.failure = failure
    }
}

extension Model {
    /// Continues one prompt.
    /// - Throws: What the continuation of several throws, and ``Generation/failure``.
    public func generate(_ prompt: String, steering: [Steer] = [], options: GenerationOptions = GenerationOptions()) throws -> String {
        let generation = try generate([GenerationRequest(prompt, steering: steering)], options: options)[0]
        if let failure = generation.failure { throw failure }
        return generation.text
    }

    /// Continues several prompts as one batch, each with its own maps and strengths.
    ///
    /// Each request draws from its own stream of random numbers, so that the same seed gives the same texts on one device. Tokens are chosen
    /// there, and steps are recorded once and replayed (``Backend/record(isBrief:_:)``).
    ///
    /// A request whose logits are not finite ends there with a ``Generation/failure``; the others go on.
    ///
    /// Whether a request meets the conditions of its maps is decided once, on the device, before its prompt is read into the cache; where it does not,
    /// its text is that of the untouched model.
    ///
    /// - Parameter onPart: Called with what each continuation grows by, as it is made.
    /// - Throws: ``MongeError`` for options out of range, an empty prompt, a prompt that leaves no room in the model's context, or a
    ///   map of another model.
    public func generate(
        _ requests: [GenerationRequest], options: GenerationOptions = GenerationOptions(), progress: ProgressHandler? = nil,
        onPart: GeneratedPartHandler? = nil
    ) throws -> [Generation] {
        try options.validate()
        func name(_ index: Int) -> String { requests[index].name ?? (requests.count > 1 ? "prompt \(index + 1)" : "the prompt") }
        let prompts = try requests.enumerated().map { index, request in try promptTokens(request, options, name: name(index)) }
        for steer in requests.flatMap(\.steering) { try InstalledSteering.check(steer.map, against: language) }
        guard options.tokens > 0, !requests.isEmpty else {
            return requests.map { _ in Generation(text: "", tokens: [], isFinished: false) }
        }
        let batch = try ContinuousBatch(
            language, limits: BatchLimits(lengths: prompts.map { $0.count + options.tokens }, prefillTokens: Model.prefillRows),
            maps: requests.map(\.steering.count).reduce(0, +))
        for (index, request) in requests.enumerated() {
            // Requests are numbered in the order in which they come.
            _ = try batch.submit(
                BatchRequest(
                    prompt: prompts[index], tokens: options.tokens, sampling: options.sampling,
                    random: options.random(stream: request.stream ?? index), stopTokens: options.stopsAtEnd ? tokenizer.stopTokens : [],
                    steering: request.steering.map { ScheduledSteer($0) }))
        }
        var results = requests.map { _ in Generation(text: "", tokens: [], isFinished: false) }
        var stream = GenerationStream(requests: requests.count, tokenizer: tokenizer, handler: onPart)
        // Finding out why takes passes of its own: the samples of a prompt at a strength share what was found for one of them.
        func failure(_ index: Int) throws -> MongeError {
            let request = requests[index]
            let known = requests.indices.first {
                results[$0].failure != nil && requests[$0].prompt == request.prompt && requests[$0].steering == request.steering
            }
            if let known { return results[known].failure! }
            return .notFinite(
                try nonFiniteNumbers(
                    "logits", name: name(index), text: request.prompt, tokens: prompts[index] + results[index].tokens,
                    steering: results[index].metConditions.isEmpty
                        ? request.steering : Steer.acting(request.steering, results[index].metConditions)))
        }
        var longest = 0
        while !batch.isIdle, !stream.isStopped {
            for event in try batch.run(readsFirst: true) {
                switch event {
                case .token(let index, let token, _):
                    results[index].tokens.append(token)
                    stream.append(token, request: index)
                case .captured: break
                case .ended(let index, let ending, let metConditions):
                    results[index].metConditions = metConditions
                    results[index].isFinished = ending == .stopped
                    if ending == .notFinite { results[index].failure = try failure(index) }
                    stream.finish(request: index)
                }
            }
            let count = results.reduce(0) { max($0, $1.tokens.count) }
            if count > longest {
                longest = count
                try progress?(Progress(activity: "generating", done: count, total: options.tokens, unit: "tokens"))
            }
        }
        stream.finish()
        for index in results.indices { results[index].text = tokenizer.decode(results[index].tokens) }
        return results
    }

    /// Prompt rows that share a forward pass: enough to fill matrix products, few enough to bound memory.
    static let prefillRows = 2048

    /// Rows of logits that are held at once.
    static let logitRows = 128

    /// The rows of a batch, as many at a time as have their logits computed together.
    static func logitRanges(_ rows: Int) -> [Range<Int>] {
        stride(from: 0, to: rows, by: logitRows).map { $0..<min($0 + logitRows, rows) }
    }

    /// Consecutive indices whose counts add up to at most `rows` (or one index that alone is more).
    static func groups(_ counts: [Int], rows: Int) -> [Range<Int>] {
        var groups = [Range<Int>](), first = 0, sum = 0
        for (index, count) in counts.enumerated() {
            if sum + count > rows, index > first {
                groups.append(first..<index)
                (first, sum) = (index, 0)
            }
            sum += count
        }
        if first < counts.count { groups.append(first..<counts.count) }
        return groups
    }

    /// - Parameter name: What messages call the prompt.
    private func promptTokens(_ request: GenerationRequest, _ options: GenerationOptions, name: String) throws -> [Int32] {
        let isConversation = options.chat || request.isRendered
        var text = request.prompt
        if options.chat, !request.isRendered {
            text = try chatTemplate().render(messages: [ChatMessage(role: .user, content: text)], addGenerationPrompt: true)
        }
        let tokens = tokenizer.encode(text, addSpecial: !isConversation, parseSpecial: options.special ?? isConversation)
        guard !tokens.isEmpty else { throw MongeError.usage("\(name) is empty; give at least one character to continue") }
        let limit = language.contextLength
        guard tokens.count <= limit, options.tokens <= limit - tokens.count else {
            throw MongeError.contextExceeded(
                "\(name) ('\(request.prompt.beginning)') has \(tokens.count) tokens and \(options.tokens) more were asked for; "
                    + "the model's context holds \(limit)")
        }
        return tokens
    }
}
