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

    public init(_ prompt: String, steering: [Steer] = [], stream: Int? = nil) {
        self.prompt = prompt
        self.steering = steering
        self.stream = stream
    }
}

/// What was generated for one request.
public struct Generation: Sendable, Equatable {
    /// The continuation, without the prompt.
    public var text: String
    public var tokens: [Int32]
    /// Whether the model ended the text itself.
    public var isFinished: Bool
}

extension Model {
    /// Continues one prompt.
    public func generate(_ prompt: String, steering: [Steer] = [], options: GenerationOptions = GenerationOptions()) throws -> String {
        try generate([GenerationRequest(prompt, steering: steering)], options: options)[0].text
    }

    /// Continues several prompts as one batch, each with its own maps and strengths.
    ///
    /// Each request draws from its own stream of random numbers, so that the same seed gives the same texts on one device.
    ///
    /// - Throws: ``MongeError`` for options out of range, an empty prompt, a prompt that leaves no room in the model's context, or a
    ///   map of another model.
    public func generate(
        _ requests: [GenerationRequest], options: GenerationOptions = GenerationOptions(), progress: ProgressHandler? = nil
    ) throws -> [Generation] {
        try options.validate()
        let prompts = try requests.map { try promptTokens($0.prompt, options) }
        let installed = try InstalledSteering(requests.map(\.steering), on: language)
        guard options.tokens > 0, !requests.isEmpty else {
            return requests.map { _ in Generation(text: "", tokens: [], isFinished: false) }
        }
        let capacity = prompts.map(\.count).max()! + options.tokens
        let cache = try language.makeCache(slots: requests.count, capacity: capacity)
        var samplers = prompts.indices.map { Sampler(options, stream: requests[$0].stream ?? $0, prompt: prompts[$0]) }
        var generated = [[Int32]](repeating: [], count: requests.count)
        var finished = [Bool](repeating: false, count: requests.count)
        func accept(_ tokens: [Int32], _ active: [Int]) {
            for (token, index) in zip(tokens, active) {
                finished[index] = options.stopsAtEnd && tokenizer.stopTokens.contains(token)
                if !finished[index] { generated[index].append(token) }
            }
        }
        for group in Model.groups(prompts.map(\.count), rows: Model.prefillRows) {
            let batch = try TokenBatch(
                group.map { TokenBatch.Sequence(tokens: prompts[$0], slot: $0) }, capacity: capacity, on: backend)
            accept(try step(batch, group, cache, installed, requests, &samplers, options), Array(group))
        }
        for count in 1..<max(1, options.tokens) {
            let active = requests.indices.filter { !finished[$0] }
            if active.isEmpty { break }
            let batch = try TokenBatch(
                active.map {
                    TokenBatch.Sequence(tokens: [generated[$0].last!], start: prompts[$0].count + count - 1, slot: $0)
                }, capacity: capacity, on: backend)
            accept(try step(batch, active, cache, installed, requests, &samplers, options), active)
            progress?(Progress(activity: "generating", done: count + 1, total: options.tokens, unit: "tokens"))
        }
        return zip(generated, finished).map {
            Generation(text: tokenizer.decode($0), tokens: $0, isFinished: $1)
        }
    }

    /// Prompt rows that share a forward pass: enough to fill matrix products, few enough to bound memory.
    static let prefillRows = 2048

    /// Rows of logits that are held at once.
    static let logitRows = 128

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

    private func promptTokens(_ prompt: String, _ options: GenerationOptions) throws -> [Int32] {
        let tokens: [Int32]
        if options.chat {
            let text = try chatTemplate().render(messages: [ChatMessage(role: .user, content: prompt)], addGenerationPrompt: true)
            tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        } else {
            tokens = tokenizer.encode(prompt, addSpecial: true, parseSpecial: false)
        }
        guard !tokens.isEmpty else { throw MongeError.usage("the prompt is empty; give at least one character to continue") }
        let limit = language.contextLength
        guard tokens.count + options.tokens <= limit else {
            throw MongeError.usage(
                "the prompt has \(tokens.count) tokens and \(options.tokens) more were asked for; the model's context holds \(limit)")
        }
        return tokens
    }

    /// One forward pass and the next token of each of its sequences.
    private func step(
        _ batch: TokenBatch, _ active: some Collection<Int>, _ cache: KeyValueCache, _ installed: InstalledSteering,
        _ requests: [GenerationRequest], _ samplers: inout [Sampler], _ options: GenerationOptions
    ) throws -> [Int32] {
        let active = Array(active)
        let transports = try installed.transports(for: zip(batch.ranges, active).map { ($0.count, requests[$1].steering) })
        let context = ForwardContext(backend: backend, transports: transports)
        let hidden = try language.forward(batch, cache: cache, context: context, output: .last)
        var tokens = [Int32]()
        tokens.reserveCapacity(active.count)
        for start in stride(from: 0, to: active.count, by: Model.logitRows) {
            let range = start..<min(start + Model.logitRows, active.count)
            let logits = try language.logits(hidden.rows(range))
            if Sampler.isPlainGreedy(options) {
                tokens += try backend.readIntegers(backend.argmax(logits))
                continue
            }
            var values = try backend.readFloats(logits)
            let width = language.vocabularySize
            try values.withUnsafeMutableBufferPointer { values in
                for index in range {
                    let row = UnsafeMutableBufferPointer(rebasing: values[(index - start) * width..<(index - start + 1) * width])
                    tokens.append(try samplers[active[index]].next(row))
                }
            }
        }
        return tokens
    }
}
