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
        let prompts = try requests.enumerated().map { index, request in
            try promptTokens(request, options, name: request.name ?? (requests.count > 1 ? "prompt \(index + 1)" : "the prompt"))
        }
        let tables = SteeringTables(on: language, capacity: requests.map(\.steering.count).reduce(0, +))
        let plans = try requests.map { try $0.steering.map { try tables.entry($0) } }
        guard options.tokens > 0, !requests.isEmpty else {
            return requests.map { _ in Generation(text: "", tokens: [], isFinished: false) }
        }
        let decisions = try ConditionDecisions(prompts, steering: requests.map(\.steering), model: self)
        let capacity = prompts.map(\.count).max()! + options.tokens
        let cache = try language.makeCache(slots: requests.count, capacity: capacity)
        let sampler = try TokenSampler(
            options, streams: requests.indices.map { requests[$0].stream ?? $0 }, prompts: prompts, vocabulary: language.vocabularySize,
            on: backend)
        var results = requests.map { _ in Generation(text: "", tokens: [], isFinished: false) }
        var stream = GenerationStream(requests: requests.count, tokenizer: tokenizer, handler: onPart)
        func name(_ index: Int) -> String { requests[index].name ?? (requests.count > 1 ? "prompt \(index + 1)" : "the prompt") }
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
                    steering: decisions.map { Steer.acting(request.steering, try $0.read()[index]) } ?? request.steering))
        }
        func accept(_ tokens: [Int32], _ active: [Int]) throws {
            for (token, index) in zip(tokens, active) {
                if token < 0 {
                    results[index].failure = try failure(index)
                    stream.finish(request: index)
                } else if options.stopsAtEnd && tokenizer.stopTokens.contains(token) {
                    results[index].isFinished = true
                    stream.finish(request: index)
                } else {
                    results[index].tokens.append(token)
                    stream.append(token, request: index)
                }
            }
        }
        for group in Model.groups(prompts.map(\.count), rows: Model.prefillRows) {
            try accept(prefill(Array(group), prompts, cache, tables, plans, decisions, sampler), Array(group))
        }
        var (step, stepped): (DecodeStep?, [Int]) = (nil, [])
        for count in 1..<max(1, options.tokens) {
            let active = results.indices.filter { !results[$0].isFinished && results[$0].failure == nil }
            if active.isEmpty || stream.isStopped { break }
            if active != stepped {
                // Before the next one is made: its memory is free then.
                step = nil
                let steering = try tables.rows(active.count, depth: plans.map(\.count).max() ?? 0)
                try steering.write(active.map { plans[$0] }, decisions: decisions.map { ($0, active) })
                step = try DecodeStep(language, cache: cache, sampler: sampler, requests: active, steering: steering)
                try step!.batch.write(tokens: active.map { results[$0].tokens.last! })
                stepped = active
            }
            try step!.run(positions: active.map { prompts[$0].count + count - 1 }, requests: active)
            try accept(backend.readIntegers(step!.batch.tokens), active)
            progress?(Progress(activity: "generating", done: count + 1, total: options.tokens, unit: "tokens"))
        }
        stream.finish()
        for index in results.indices { results[index].text = tokenizer.decode(results[index].tokens) }
        if let decisions { for (index, met) in try decisions.read().enumerated() { results[index].metConditions = met } }
        return results
    }

    /// The first token after each of some prompts.
    private func prefill(
        _ requests: [Int], _ prompts: [[Int32]], _ cache: KeyValueCache, _ tables: SteeringTables, _ plans: [[SteeringTables.Entry]],
        _ decisions: ConditionDecisions?, _ sampler: TokenSampler
    ) throws -> [Int32] {
        let batch = try TokenBatch(
            requests.map { TokenBatch.Sequence(tokens: prompts[$0], slot: $0) }, capacity: cache.capacity, on: backend)
        let transports = try tables.transports(
            for: zip(batch.ranges, requests).map { ($0.count, plans[$1]) }, decisions: decisions.map { ($0, requests) })
        let hidden = try language.forward(
            batch, cache: cache, context: ForwardContext(backend: backend, transports: transports), output: .last)
        let tokens = try backend.allocate([requests.count], .i32)
        let (uniforms, options) = (try backend.upload(sampler.uniforms(for: requests)), try sampler.options(of: requests))
        let slots = try backend.upload(requests.map { Int32($0) })
        for range in Model.logitRanges(requests.count) {
            try sampler.choose(
                language.logits(hidden.rows(range)), uniforms: uniforms.rows(range), options: options.rows(range), slots: slots.rows(range),
                into: tokens.rows(range))
        }
        return try backend.readIntegers(tokens)
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
