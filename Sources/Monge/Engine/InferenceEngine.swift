import Dispatch
import Models
import Synchronization
import Tokenizers

/// How much an engine takes on.
public struct EngineLimits: Sendable, Equatable {
    /// The most requests that are served at once.
    public var rows: Int
    /// The tokens that the key-value cache holds, of all requests together and of beginnings that are kept.
    public var cacheTokens: Int
    /// The most tokens of a text, its prompt included; nil for the model's context.
    public var length: Int?
    /// The most requests that wait.
    public var waiting: Int
    /// The most tokens of prompts that are read at a time between two tokens of those who are served.
    public var prefillTokens: Int

    public init(rows: Int = 16, cacheTokens: Int = 32768, length: Int? = nil, waiting: Int = 1024, prefillTokens: Int = 512) {
        self.rows = rows
        self.cacheTokens = cacheTokens
        self.length = length
        self.waiting = waiting
        self.prefillTokens = prefillTokens
    }
}

/// The device failed while it served texts, and the engine takes on nothing more.
public struct EngineFailure: Error, CustomStringConvertible {
    public let cause: any Error

    public var description: String { "the device failed: \(cause)" }
}

/// Continues texts for many who ask at once: each is admitted when there is room, steered by maps and strengths of its own, and streamed as it comes.
///
/// A request gives the text that ``Model/generate(_:options:progress:onPart:)`` gives with the same seed, on the CPU whatever is beside it.
///
/// ```swift
/// let engine = try InferenceEngine(Model.load("smollm2"))
/// for try await event in engine.generate(TextRequest(.text("Once upon a time"), steering: [ScheduledSteer(map.at(0.5))])) { … }
/// ```
///
/// Whoever stops listening to the events of a request cancels it.
public actor InferenceEngine {
    private struct Text {
        let request: TextRequest
        let promptTokens: Int
        /// Known before the batch has a number for the request.
        let ticket: ListenerTicket
        let continuation: AsyncThrowingStream<TextEvent, any Error>.Continuation
        var decoder: StreamDecoder
        var stops: StopTexts
        /// For each map with a marker what looks for it; nil for the others, and once it is found.
        var markers: [StopTexts?]
        var tokens: [Int32] = []
    }

    private struct Capture {
        let ticket: ListenerTicket
        let sites: [Site]
        let continuation: CheckedContinuation<[SiteActivations], any Error>
    }

    private let executor: QueueExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Used by whoever has the turn, and by nobody else.
    private nonisolated(unsafe) let model: Model
    private nonisolated let turns: DeviceTurns
    /// What works on the model beside the texts.
    private nonisolated let workers = DispatchQueue(label: "monge.engine.work", attributes: .concurrent)
    private nonisolated let limits: EngineLimits
    private nonisolated let vocabulary: Int
    private let batch: ContinuousBatch
    /// By the number of the request in the batch.
    private var texts: [Int: Text] = [:]
    private var captures: [Int: Capture] = [:]
    private var isRunning = false
    /// What the device failed with: nothing more is taken on.
    private var failure: EngineFailure?

    /// What is told without a wait for the step that is being done.
    private struct Status {
        var waiting = 0
        var served = 0
        var failure: EngineFailure?
    }

    private nonisolated let status = Mutex(Status())

    /// - Parameters:
    ///   - model: The engine's from here on.
    ///   - turns: Those of the model's device, where others use it too.
    /// - Throws: ``MongeError/usage(_:)`` for limits that hold nothing, and what the device says when its memory does not do.
    public init(_ model: sending Model, limits: EngineLimits = EngineLimits(), turns: DeviceTurns = DeviceTurns()) throws {
        let length = min(limits.length ?? model.language.contextLength, model.language.contextLength)
        batch = try ContinuousBatch(
            model.language,
            limits: BatchLimits(
                rows: limits.rows, blocks: BlockPool.count(limits.cacheTokens), length: length, prefillTokens: limits.prefillTokens))
        self.model = model
        self.limits = limits
        vocabulary = model.language.vocabularySize
        self.turns = turns
        executor = QueueExecutor(label: "monge.engine")
    }

    /// Continues a text.
    /// - Returns: What it grows by, and how it ended. Throws ``MongeError`` for a request that cannot be served, or the device's failure.
    public nonisolated func generate(_ request: TextRequest) -> AsyncThrowingStream<TextEvent, any Error> {
        AsyncThrowingStream { continuation in
            let ticket = ListenerTicket()
            continuation.onTermination = { reason in
                guard case .cancelled = reason else { return }
                ticket.leave()
                Task { await self.cancel(ticket) }
            }
            Task { await self.begin(request, ticket, continuation) }
        }
    }

    /// How many requests wait, and how many are served, when the last step was done.
    public nonisolated var load: (waiting: Int, served: Int) { status.withLock { ($0.waiting, $0.served) } }

    /// What the device failed with, when it has: the engine takes on nothing more.
    public nonisolated var deviceFailure: EngineFailure? { status.withLock { $0.failure } }

    private func publish() {
        let now = Status(waiting: batch.waiting, served: batch.active, failure: failure)
        status.withLock { $0 = now }
    }

    /// Works on the model beside the texts, on a thread of its own: a fit, a capture.
    /// - Parameter work: Calls `pause` now and then, between two passes, where a step of the texts is done.
    public nonisolated func perform<Result: Sendable>(
        _ work: @escaping @Sendable (_ model: Model, _ pause: @escaping () -> Void) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            workers.async { [self] in
                continuation.resume(with: Swift.Result { try turns { try work(model) { [turns] in turns.pass() } } })
            }
        }
    }

    /// Serves as many requests at once as it ever does, for nobody: what the device allocates and compiles when it is first needed is there before somebody
    /// waits for it, and memory grows little afterwards.
    public nonisolated func warmUp() async throws {
        // As many as may wait, and no longer than a text may be.
        let rows = min(limits.rows, limits.waiting)
        let length = min(limits.prefillTokens / rows, limits.cacheTokens / rows - 3, (limits.length ?? .max) - 3)
        guard length > 0 else { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for row in 0..<rows {
                // Others for each, so that none finds its beginning computed.
                let tokens = (0..<length).map { Int32((row * length + $0) % vocabulary) }
                let options = GenerationOptions(
                    tokens: 3, temperature: 0.8, topK: 40, topP: 0.9, repetitionPenalty: 1.1, seed: UInt64(row), stopsAtEnd: false)
                group.addTask { for try await _ in self.generate(TextRequest(.tokens(tokens), options: options, scores: 1)) {} }
            }
            try await group.waitForAll()
        }
    }

    private func begin(
        _ request: TextRequest, _ ticket: ListenerTicket, _ continuation: AsyncThrowingStream<TextEvent, any Error>.Continuation
    ) {
        if ticket.hasLeft { return }
        do {
            try requireRoom()
            try request.options.validate()
            guard request.options.tokens > 0 else { throw MongeError.usage("the number of tokens is 0, expected 1 or more") }
            guard !request.stop.contains("") else { throw MongeError.usage("a stop text is empty; give at least one character") }
            let prompt = try tokens(of: request)
            let id = try turns {
                try batch.submit(
                    BatchRequest(
                        prompt: prompt, tokens: request.options.tokens, sampling: request.options.sampling,
                        random: request.options.random(stream: request.stream),
                        stopTokens: request.options.stopsAtEnd ? model.tokenizer.stopTokens : [], steering: request.steering,
                        client: request.client, scores: request.scores))
            }
            texts[id] = Text(
                request: request, promptTokens: prompt.count, ticket: ticket, continuation: continuation,
                decoder: StreamDecoder(model.tokenizer), stops: StopTexts(request.stop),
                markers: request.steering.map { $0.schedule.marker.map { StopTexts([$0]) } })
        } catch {
            continuation.finish(throwing: error)
            return
        }
        start()
    }

    /// Refuses a request where the device has failed, or enough wait.
    private func requireRoom() throws {
        if let failure { throw failure }
        guard batch.waiting < limits.waiting else {
            throw MongeError.busy("\(batch.waiting) requests wait already: ask again later")
        }
    }

    private func start() {
        publish()
        guard !isRunning else { return }
        isRunning = true
        Task { await run() }
    }

    private func tokens(of request: TextRequest) throws -> [Int32] {
        let tokens: [Int32]
        switch request.prompt {
        case .text(let text): tokens = model.tokenizer.encode(text, addSpecial: true, parseSpecial: request.options.special ?? false)
        case .conversation(let text):
            tokens = model.tokenizer.encode(text, addSpecial: false, parseSpecial: request.options.special ?? true)
        case .tokens(let given):
            if let token = given.first(where: { !(0..<Int32(model.language.vocabularySize)).contains($0) }) {
                throw MongeError.usage("token \(token) is none of the model's \(model.language.vocabularySize)")
            }
            tokens = given
        }
        guard !tokens.isEmpty else { throw MongeError.usage("the prompt is empty; give at least one character to continue") }
        return tokens
    }

    /// The activations of chosen sites for a text, captured while it is read, in the passes that read the prompts of others.
    ///
    /// They are those of ``Model/activations(of:sites:options:steering:progress:warn:)``: after the maps of a steered site, whose conditions are asked of the text.
    ///
    /// - Parameters:
    ///   - tokens: The text, with whatever the model has before texts.
    ///   - sites: By name.
    ///   - pooling: How tokens become a sample; ``CapturePooling/all`` makes each one.
    ///   - client: Who asks, for a fair share.
    /// - Throws: ``MongeError`` for a site that is none, a text that is longer than texts may be, or activations that are not finite.
    public nonisolated func activations(
        of tokens: [Int32], sites: [String], pooling: CapturePooling = .mean, steering: [Steer] = [], client: String = ""
    ) async throws -> [SiteActivations] {
        let ticket = ListenerTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                Task { await self.begin(tokens, sites, pooling, steering, client, ticket, continuation) }
            }
        } onCancel: {
            ticket.leave()
            Task { await self.cancel(ticket) }
        }
    }

    private func begin(
        _ tokens: [Int32], _ names: [String], _ pooling: CapturePooling, _ steering: [Steer], _ client: String, _ ticket: ListenerTicket,
        _ continuation: CheckedContinuation<[SiteActivations], any Error>
    ) {
        do {
            if ticket.hasLeft { throw CancellationError() }
            try requireRoom()
            guard !tokens.isEmpty else { throw MongeError.usage("the text is empty: there is nothing to capture") }
            let byName = Dictionary(uniqueKeysWithValues: model.language.sites.map { ($0.name, $0) })
            let sites = try names.map { name in
                guard let site = byName[name] else { throw MongeError.usage("the model has no site '\(name)'") }
                return site
            }
            let id = try turns {
                try batch.submit(
                    BatchRequest(
                        capturing: BatchCapture(sites: sites.map(\.index), pooling: pooling.pooling), of: tokens,
                        steering: steering.map { ScheduledSteer($0) }, client: client))
            }
            captures[id] = Capture(ticket: ticket, sites: sites, continuation: continuation)
        } catch {
            continuation.resume(throwing: error)
            return
        }
        start()
    }

    private func cancel(_ ticket: ListenerTicket) {
        if let id = captures.first(where: { $0.value.ticket === ticket })?.key {
            captures.removeValue(forKey: id)!.continuation.resume(throwing: CancellationError())
            batch.cancel(id)
            publish()
            return
        }
        // Where there is none it has ended, or the call that would begin it is on its way.
        guard let id = texts.first(where: { $0.value.ticket === ticket })?.key else { return }
        texts[id] = nil
        batch.cancel(id)
        publish()
    }

    /// Steps until nobody is left; between two of them others are let in and out.
    private func run() async {
        while !batch.isIdle {
            endTheLate()
            do {
                let events = try turns { try batch.run(readsFirst: false) }
                // Before anybody is told that a text has ended.
                publish()
                for event in events { try accept(event) }
            } catch {
                let failure = EngineFailure(cause: error)
                self.failure = failure
                publish()
                for text in texts.values { text.continuation.finish(throwing: failure) }
                for capture in captures.values { capture.continuation.resume(throwing: failure) }
                (texts, captures) = ([:], [:])
                break
            }
            await Task.yield()
        }
        isRunning = false
        publish()
    }

    private func endTheLate() {
        guard texts.values.contains(where: { $0.request.deadline != nil }) else { return }
        let now = ContinuousClock.now
        for (id, text) in texts where text.request.deadline.map({ $0 <= now }) ?? false {
            batch.cancel(id)
            publish()
            end(id, .deadline, metConditions: [])
        }
    }

    private func accept(_ event: BatchEvent) throws {
        switch event {
        case .token(let id, let token, let scores):
            guard var text = texts[id] else { return }
            text.tokens.append(token)
            if let scores { text.continuation.yield(.scores(scores)) }
            let grown = text.decoder.append(token)
            for map in text.markers.indices where text.markers[map]?.append(grown).stop != nil {
                text.markers[map] = nil
                batch.start(map: map, of: id)
            }
            let (part, stop) = text.stops.append(grown)
            texts[id] = text
            if !part.isEmpty { text.continuation.yield(.text(part)) }
            if let stop {
                batch.cancel(id)
                publish()
                end(id, .stop(stop), metConditions: [])
            }
        case .captured(let id, let values):
            guard let capture = captures.removeValue(forKey: id) else { return }
            if let bad = values.firstIndex(where: { !$0.isFinite }) {
                capture.continuation.resume(
                    throwing: MongeError.failed("the activations at \(capture.sites[bad].name) are not finite numbers"))
                return
            }
            capture.continuation.resume(
                returning: zip(capture.sites, values).map { site, values in
                    SiteActivations(
                        site: site.name, samples: values.count / site.channels, channels: site.channels, values: values, heads: site.heads)
                })
        case .ended(let id, .notFinite, let metConditions):
            guard let text = texts.removeValue(forKey: id) else { return }
            let steering = text.request.steering.map(\.steer)
            let prompt = try tokens(of: text.request)
            let numbers = try turns {
                try model.nonFiniteNumbers(
                    "logits", name: "the prompt", text: model.tokenizer.decode(prompt), tokens: prompt + text.tokens,
                    steering: metConditions.isEmpty ? steering : Steer.acting(steering, metConditions))
            }
            text.continuation.finish(throwing: MongeError.notFinite(numbers))
        case .ended(let id, let ending, let metConditions):
            end(id, ending == .stopped ? .end : .length, metConditions: metConditions)
        }
    }

    private func end(_ id: Int, _ reason: TextEnding.Reason, metConditions: [Bool?]) {
        guard var text = texts.removeValue(forKey: id) else { return }
        var reason = reason
        if !reason.isStop {
            let (part, stop) = text.stops.append(text.decoder.finish())
            let rest = part + (stop == nil ? text.stops.finish() : "")
            if !rest.isEmpty { text.continuation.yield(.text(rest)) }
            if let stop { reason = .stop(stop) }
        }
        text.continuation.yield(
            .ended(TextEnding(reason: reason, promptTokens: text.promptTokens, tokens: text.tokens, metConditions: metConditions)))
        text.continuation.finish()
    }
}

extension TextEnding.Reason {
    fileprivate var isStop: Bool {
        if case .stop = self { return true }
        return false
    }
}
