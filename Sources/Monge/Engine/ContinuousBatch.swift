import Foundations
import Models
import Tensors

/// The requests that a model continues together, admitted, read, continued and let go of one step at a time (continuous batching: Yu et al., "Orca",
/// OSDI 2022), over a paged key-value cache with shared beginnings (``BlockPool``).
///
/// A step reads prompts, at most ``BatchLimits/prefillTokens`` of their tokens, or adds a token to each text whose prompt is read, or both. When blocks run
/// out, the request that came last gives its up and is read again later. What a request draws depends on its own random numbers alone, and on the CPU a
/// row's bits do not depend on its company, nor on how its prompt is cut: a text is the same whatever is beside it.
///
/// It is used from one thread at a time.
package final class ContinuousBatch {
    let model: any LanguageModel
    let limits: BatchLimits
    package let tables: SteeringTables
    private let cache: KeyValueCache
    /// A block that rows without a request write to; nil where steps have none.
    private let spare: Int32?
    private let sampler: TokenSampler
    private let decisions: ConditionDecisions
    private var pool: BlockPool
    private var queue = FairQueue<BatchRow>()
    /// By slot.
    private var rows: [BatchRow?]
    private var nextID = 0
    /// The order in which requests were admitted: the last one gives way first.
    private var admitted: [BatchRow] = []
    private var step: DecodeStep?
    /// The requests of the last step, whose maps it was told.
    private var steered: [BatchRow] = []
    /// Whether the step before this one read prompts: where both wait they take turns.
    private var hasReadPrompts = false

    /// - Throws: ``MongeError/usage(_:)`` for limits that hold nothing, and what the device says when its memory does not do.
    package init(_ model: any LanguageModel, limits: BatchLimits, maps: Int = 1) throws {
        try limits.validate()
        self.model = model
        self.limits = limits
        tables = SteeringTables(on: model, capacity: maps)
        spare = model.backend.areRecordingsExpensive ? Int32(limits.blocks) : nil
        cache = try model.makeCache(slots: limits.blocks + (spare == nil ? 0 : 1), capacity: BlockPool.size)
        sampler = TokenSampler(slots: limits.rows, vocabulary: model.vocabularySize, on: model.backend)
        decisions = ConditionDecisions(slots: limits.rows, of: model)
        pool = BlockPool(count: limits.blocks)
        rows = [BatchRow?](repeating: nil, count: limits.rows)
    }

    /// How many tokens were read by passes: those of prompts that no text before had computed, those that were read again, and one for each that was added.
    package private(set) var tokensRead = 0
    /// How often a request gave up its blocks for others.
    package private(set) var putBacks = 0

    /// How many requests wait.
    package var waiting: Int { queue.count }
    /// How many requests are being served.
    package var active: Int { admitted.count }
    package var isIdle: Bool { queue.isEmpty && admitted.isEmpty }

    /// Takes in a request.
    /// - Returns: Its number in events.
    /// - Throws: ``MongeError`` for one that never fits, or a map of another model.
    package func submit(_ request: BatchRequest) throws -> Int {
        let length = request.prompt.count + request.tokens
        guard length <= limits.length else {
            throw MongeError.contextExceeded(
                "the prompt has \(request.prompt.count) tokens and \(request.tokens) more were asked for; a text may have \(limits.length)")
        }
        guard BlockPool.count(request.longest) <= limits.blocks else {
            throw MongeError.memoryBudget(
                "the key-value cache holds \(limits.blocks * BlockPool.size) tokens, and this request alone needs \(request.longest)")
        }
        // All of them, before the first is put anywhere.
        for scheduled in request.steering {
            try scheduled.schedule.validate()
            try InstalledSteering.check(scheduled.steer.map, against: model)
        }
        let maps = try request.steering.map { try tables.retain($0.steer) }
        let row = BatchRow(id: nextID, request, maps: maps)
        nextID += 1
        queue.append(row, client: request.client)
        return row.id
    }

    /// From the next token on a map of a request acts: the text that it waited for has been written. One that has ended already is passed over.
    /// - Parameter map: Its place among the request's maps.
    package func start(map: Int, of id: Int) {
        guard let row = admitted.first(where: { $0.id == id }) else { return }
        row.starts[map] = row.tokens.count - 1
    }

    /// Ends a request without another event; one that has ended already is passed over.
    package func cancel(_ id: Int) {
        for row in queue.remove(where: { $0.id == id }) { row.maps.forEach(tables.release) }
        if let row = admitted.first(where: { $0.id == id }) { end(row) }
    }

    /// Reads, or continues. Where it throws the device has failed, and the batch is of no more use.
    /// - Parameter readsFirst: Whether all prompts are read before a text is continued, which takes fewest steps; otherwise they take turns, so that
    ///   nobody who is being served waits for long.
    package func run(readsFirst: Bool) throws -> [BatchEvent] {
        try admit()
        let isReading = admitted.contains(where: \.isReading)
        let isContinuing = admitted.contains(where: \.isContinuing)
        guard isReading, readsFirst || !hasReadPrompts || !isContinuing else {
            hasReadPrompts = false
            return try proceed()
        }
        hasReadPrompts = true
        // Nothing, where those who read have given way to those who go on.
        return try readPrompts() ?? proceed()
    }

    // MARK: Coming and going

    private func admit() throws {
        var asking: [(slot: Int, prompt: [Int32], steering: [Steer])] = []
        while let (row, client) = queue.first, let slot = rows.firstIndex(where: { $0 == nil }) {
            // All that is to be read, or it would be put back before it has a token.
            guard pool.available >= BlockPool.count(row.tokens.count) else { break }
            _ = queue.removeFirst(of: client)
            row.slot = slot
            rows[slot] = row
            admitted.append(row)
            try sampler.begin(slot, row.request.sampling, tokens: row.tokens)
            asking.append((slot, row.request.prompt, row.request.steering.map(\.steer)))
            findPrefix(of: row)
        }
        if !asking.isEmpty { try decisions.ask(asking) }
    }

    /// Takes over the blocks that other texts with the same beginning have computed, but for the last token, which chooses the next.
    private func findPrefix(of row: BatchRow) {
        // What is captured has to be computed.
        guard row.request.capture == nil else { return }
        while let known = row.known {
            let end = (known.count + 1) * BlockPool.size
            guard end < row.tokens.count, let acting = row.acting(inBlock: known.count),
                let found = pool.find(Array(row.tokens[end - BlockPool.size..<end]), after: known.identity, acting: acting)
            else { return }
            row.blocks.append(found.block)
            row.known = (known.count + 1, found.identity)
            row.computed = end
        }
    }

    private func end(_ row: BatchRow) {
        pool.release(row.blocks)
        rows[row.slot!] = nil
        row.slot = nil
        steered = []
        admitted.removeAll { $0 === row }
        row.maps.forEach(tables.release)
        queue.end(of: row.request.client)
    }

    /// Gives up what a request has on the device; it is read again, from its prompt to its last token, when there is room.
    private func putBack(_ row: BatchRow) {
        putBacks += 1
        pool.release(row.blocks)
        (row.blocks, row.computed, row.known) = ([], 0, (0, 0))
        // It may come back to another slot.
        steered = []
        rows[row.slot!] = nil
        row.slot = nil
        admitted.removeAll { $0 === row }
        queue.append(row, client: row.request.client, isFirst: true)
        queue.end(of: row.request.client)
    }

    /// Blocks for the tokens of a request up to a length, those of the request that came last if there are no others.
    /// - Returns: Whether there are enough: false when the request had to be put back itself.
    private func makeRoom(_ row: BatchRow, for length: Int) -> Bool {
        while row.blocks.count < BlockPool.count(length) {
            if let block = pool.take() {
                row.blocks.append(block)
                continue
            }
            let last = admitted.last!
            putBack(last)
            if last === row { return false }
        }
        return true
    }

    /// Makes known the blocks that are full up to a length.
    private func register(_ row: BatchRow, upTo length: Int) {
        while let known = row.known, (known.count + 1) * BlockPool.size <= length {
            guard let acting = row.acting(inBlock: known.count) else {
                row.known = nil
                return
            }
            let tokens = Array(row.tokens[known.count * BlockPool.size..<(known.count + 1) * BlockPool.size])
            row.known = (known.count + 1, pool.register(row.blocks[known.count], tokens, after: known.identity, acting: acting))
        }
    }

    // MARK: Steps

    /// Reads some of the unread tokens of prompts, and chooses the first token of those that are read to their end.
    /// - Returns: nil when there was room for none.
    private func readPrompts() throws -> [BatchEvent]? {
        var parts: [(row: BatchRow, range: Range<Int>)] = []
        var left = limits.prefillTokens
        // Those that have given way to one before them have no slot any more, and hold nothing.
        for row in admitted where row.slot != nil && row.isReading && left > 0 {
            // Whoever was before it in this pass may have just made its beginning known.
            if let known = row.known, row.computed == known.count * BlockPool.size { findPrefix(of: row) }
            // What is captured is pooled over a whole text: one that has no room in this pass waits for the next.
            let isWhole = row.request.capture != nil
            if isWhole, row.unread > left, !parts.isEmpty { break }
            let end = isWhole ? row.tokens.count : min(row.tokens.count, row.computed + left)
            // A request that came later and is not in this pass yet gives way.
            guard makeRoom(row, for: limits.reservesBlocks ? row.longest : end) else { break }
            parts.append((row, row.computed..<end))
            left -= end - row.computed
            row.computed = end
            register(row, upTo: end)
        }
        guard !parts.isEmpty else { return nil }
        let captures = parts.indices.filter { parts[$0].row.request.capture != nil }
        let whole = parts.indices.filter { parts[$0].range.upperBound == parts[$0].row.tokens.count && !captures.contains($0) }
        tokensRead += parts.reduce(0) { $0 + $1.range.count }
        for part in parts { queue.charge(part.range.count, to: part.row.request.client) }
        let backend = model.backend
        let batch = try TokenBatch(
            parts.map { part in
                TokenBatch.Sequence(
                    tokens: Array(part.row.tokens[part.range]), start: part.range.lowerBound, slot: part.row.slot!, blocks: part.row.blocks)
            }, capacity: limits.length, on: backend)
        let stretches = parts.map { $0.row.acting(over: $0.range) }
        let owners = zip(parts, stretches).flatMap { part, stretches in stretches.map { _ in part.row.slot! } }
        let transports = try tables.transports(for: stretches.flatMap { $0 }, decisions: decisions.isEmpty ? nil : (decisions, owners))
        var captured: [Int: [Int: Tensor]] = [:]
        let context = ForwardContext(
            backend: backend, transports: transports, tapped: Array(Set(captures.flatMap { parts[$0].row.request.capture!.sites })),
            siteCount: model.sites.count
        ) { site, activation in
            for part in captures where parts[part].row.request.capture!.sites.contains(site.index) {
                captured[part, default: [:]][site.index] = try parts[part].row.request.capture!.samples(
                    of: activation, batch.ranges[part], on: backend)
            }
        }
        let hidden = try model.forward(batch, cache: cache, context: context, output: .last)
        let events = try captures.map { part in
            let row = parts[part].row
            let values = try row.request.capture!.sites.map { try backend.readFloats(captured[part]![$0]!) }
            end(row)
            return BatchEvent.captured(request: row.id, values)
        }
        guard !whole.isEmpty else { return events }
        let rows = whole.map { parts[$0].row }
        let slots = rows.map { $0.slot! }
        let ends = whole.count == parts.count ? hidden : try backend.gatherRows(hidden, at: backend.upload(whole.map(Int32.init)))
        let tokens = try backend.allocate([whole.count], .i32)
        let options = try backend.upload(sampler.options(of: slots), [slots.count, SamplingOptions.numbers])
        let (uniforms, places) = (try backend.upload(rows.map { $0.uniform() }), try backend.upload(slots.map(Int32.init)))
        let logits = try Model.logitRanges(whole.count).map { range in
            let logits = try model.logits(ends.rows(range))
            try sampler.choose(
                logits, uniforms: uniforms.rows(range), options: options.rows(range), slots: places.rows(range),
                usesSets: sampler.needsSets(slots), into: tokens.rows(range))
            // Those that nobody asks for are not kept.
            return rows[range].contains { $0.request.scores != nil } ? logits : nil
        }
        return try events + accept(backend.readIntegers(tokens), rows, logits)
    }

    /// Adds a token to each text whose prompt is read.
    private func proceed() throws -> [BatchEvent] {
        for row in admitted where row.slot != nil && row.isContinuing { _ = makeRoom(row, for: row.tokens.count) }
        let ready = rows.compactMap { $0 }.filter(\.isContinuing)
        guard !ready.isEmpty else { return [] }
        let slots = ready.map { $0.slot! }
        // Most steps are as the one before.
        let isAsBefore =
            step?.steering.version == tables.version && steered.count == ready.count
            && zip(steered, ready).allSatisfy { $0 === $1 && $0.isConstant }
        if !isAsBefore {
            let plans = ready.map { $0.acting(at: $0.tokens.count - 1) }
            try prepareStep(for: ready, plans)
            try step!.steering.write(
                plans + [[SteeringTables.Entry]](repeating: [], count: step!.count - plans.count),
                decisions: decisions.isEmpty ? nil : (decisions, slots + [Int](repeating: limits.rows, count: step!.count - slots.count)))
            steered = ready
        }
        try step!.run(
            ready.map { row in
                DecodeBatch.Row(
                    token: row.tokens.last!, position: row.tokens.count - 1, slot: row.slot!, blocks: row.blocks, uniform: row.uniform())
            }, spare: spare)
        tokensRead += ready.count
        for row in ready {
            row.computed += 1
            register(row, upTo: row.computed)
            queue.charge(1, to: row.request.client)
        }
        return try accept(Array(model.backend.readIntegers(step!.batch.chosen).prefix(ready.count)), ready, step!.logits)
    }

    /// A step for as many rows and maps as there are: the one at hand where it does.
    private func prepareStep(for ready: [BatchRow], _ plans: [[SteeringTables.Entry]]) throws {
        let depth = plans.map(\.count).max()!
        let count = model.backend.areRecordingsExpensive ? limits.bucket(of: ready.count) : ready.count
        let usesSets = sampler.needsSets(ready.map { $0.slot! })
        if let step, step.count == count, step.steering.depth >= depth, depth > 0 || step.steering.depth == 0,
            step.steering.version == tables.version, step.usesSets == usesSets
        {
            return
        }
        // Before the next one is made: its memory is free then.
        step = nil
        step = try DecodeStep(
            model, cache: cache, sampler: sampler, steering: tables.rows(count, depth: depth), blocks: limits.blocksOfLength,
            capacity: limits.length, usesSets: usesSets)
    }

    /// - Parameter logits: Of the rows, ``Model/logitRows`` in each; nil where none of them are needed.
    private func accept(_ tokens: [Int32], _ rows: [BatchRow], _ logits: [Tensor?]) throws -> [BatchEvent] {
        var events: [BatchEvent] = []
        for (index, row) in rows.enumerated() {
            let token = tokens[index]
            var ending: BatchEnding?
            if token < 0 {
                ending = .notFinite
            } else if row.request.stopTokens.contains(token) {
                ending = .stopped
            } else {
                row.tokens.append(token)
                let scores = try row.request.scores.map { count in
                    let place = index % Model.logitRows
                    return TokenScores(
                        try model.backend.readFloats(logits[index / Model.logitRows]!.rows(place..<place + 1)), chosen: token, top: count)
                }
                events.append(.token(request: row.id, token, scores: scores))
                if row.generated == row.request.tokens { ending = .length }
            }
            if let ending {
                let met = row.isConditional ? try decisions.read(row.slot!) : []
                events.append(.ended(request: row.id, ending, metConditions: met))
                end(row)
            }
        }
        return events
    }
}

extension BatchCapture {
    /// The samples of a text.
    /// - Parameters:
    ///   - activation: Of all texts of a pass, `[rows, channels]`.
    ///   - range: The text's rows.
    /// - Returns: `[samples, channels]` f32.
    fileprivate func samples(of activation: Tensor, _ range: Range<Int>, on backend: any Backend) throws -> Tensor {
        guard let pooling else { return try backend.copy(backend.cast(activation.rows(range), to: .f32)) }
        return try backend.pool(
            activation, starts: backend.upload([Int32(range.lowerBound)]), counts: backend.upload([Int32(range.count)]),
            maximumCount: range.count, pooling: pooling)
    }
}

extension BatchRow {
    /// The next random number, of 24 bits.
    fileprivate func uniform() -> Float { Float(random.next() >> 40) * 0x1p-24 }
}
