import Models
import Tensors

/// How likely a model takes continuations to be.
///
/// Texts are packed into batches, and what they have in common at their beginnings (the examples before a question, the question before its answers) is
/// computed once: keys and values lie in blocks that several texts name (``PrefixBlocks``).
///
/// A map whose position is `last` acts as it does while a text is generated: on the last token of the context, and on each token of an option.
package final class ContinuationScorer {
    private let model: Model
    private let installed: InstalledSteering
    private let cache: KeyValueCache
    private var prefixes: PrefixBlocks
    private var steerings: [[Steer]]
    private let capacity: Int

    /// New rows of a forward pass: enough to fill matrix products.
    private static let rowsPerBatch = 1024
    /// Tokens that the cache holds beside the longest text: several batches and the beginnings that they share.
    private static let tokensKept = 4096

    /// - Parameter longest: The most tokens of a text with an option.
    package init(_ model: Model, steerings: [[Steer]], longest: Int) throws {
        self.model = model
        self.steerings = steerings
        installed = try InstalledSteering(steerings, on: model.language)
        let blocks = PrefixBlocks.count(longest) + PrefixBlocks.count(Self.tokensKept)
        cache = try model.language.makeCache(slots: blocks, capacity: PrefixBlocks.size)
        prefixes = PrefixBlocks(count: blocks)
        capacity = PrefixBlocks.count(longest) * PrefixBlocks.size
    }

    /// A text of a pass: the context with an option, whose last token predicts nothing that is asked for.
    private struct Text {
        var request: Int
        var tokens: [Int32]
        /// The options that are read from it, with the position of the row that predicts the first token of each.
        var readouts: [(option: Int, tokens: [Int32], first: Int)]
    }

    private struct Placed {
        var text: Text
        var blocks: [Int32]
        var computed: Int
    }

    /// The log-probability of each token of each option, by request and option.
    /// - Parameter progress: Told how many of the requests are done.
    /// - Throws: ``MongeError/notFinite(_:)`` when a score is a NaN or an infinity.
    package func tokenScores(_ requests: [ScoringRequest], progress: (Int) throws -> Void = { _ in }) throws -> [[[Double]]] {
        let requests = try decided(requests)
        var scores = requests.map { $0.options.map { [Double](repeating: 0, count: $0.count) } }
        var batch: [Placed] = [], rows = 0
        func run(until request: Int) throws {
            guard !batch.isEmpty else { return }
            try score(batch, requests, &scores)
            (batch, rows) = ([], 0)
            prefixes.beginBatch()
            try progress(request)
        }
        prefixes.beginBatch()
        for (index, request) in requests.enumerated() {
            let steering = steerings.firstIndex(of: request.steering)!
            for text in Self.texts(request, index) {
                // Where a map acts on the context's last token alone, that token's block is no beginning of a longer context.
                func place() -> Placed? {
                    prefixes.place(text.tokens, shared: request.context.count - 1, steering: steering)
                        .map { Placed(text: text, blocks: $0.blocks, computed: $0.computed) }
                }
                var placed = rows >= Self.rowsPerBatch ? nil : place()
                if placed == nil {
                    try run(until: index)
                    placed = place()
                }
                rows += placed!.text.tokens.count - placed!.computed
                batch.append(placed!)
            }
        }
        try run(until: requests.count)
        return scores
    }

    /// The requests with the maps that act in them. What texts share is computed once for those that are steered alike, so that the host must know
    /// which are: they are decided together, before the first is scored.
    private func decided(_ requests: [ScoringRequest]) throws -> [ScoringRequest] {
        guard requests.contains(where: { $0.steering.contains { $0.map.condition != nil } }) else { return requests }
        let acting = try model.acting(requests.map { ($0.prompt ?? $0.context, $0.steering) })
        for steering in acting where !steerings.contains(steering) { steerings.append(steering) }
        return zip(requests, acting).map { request, steering in
            var request = request
            request.steering = steering
            return request
        }
    }

    /// What a pass must hold to read all options of a request: one text for those of a single token, and one for each other.
    private static func texts(_ request: ScoringRequest, _ index: Int) -> [Text] {
        let last = request.context.count - 1
        var single = Text(request: index, tokens: request.context, readouts: [])
        var texts: [Text] = []
        for (number, option) in request.options.enumerated() {
            if option.count == 1 {
                single.readouts.append((number, option, last))
            } else {
                texts.append(Text(request: index, tokens: request.context + option.dropLast(), readouts: [(number, option, last)]))
            }
        }
        // Any longer text reads them, too.
        if !single.readouts.isEmpty, texts.isEmpty { return [single] }
        if !texts.isEmpty { texts[0].readouts += single.readouts }
        return texts
    }

    private func score(_ batch: [Placed], _ requests: [ScoringRequest], _ scores: inout [[[Double]]]) throws {
        let backend = model.backend
        let hidden = try model.language.forward(
            tokenBatch(batch), cache: cache,
            context: ForwardContext(backend: backend, transports: transports(batch, requests)), output: .all)
        // The rows that predict tokens of options, and what they predict.
        struct Readout { var row: Int, request: Int, option: Int, token: Int, value: Int32 }
        var readouts: [Readout] = [], start = 0
        for placed in batch {
            for readout in placed.text.readouts {
                for (offset, value) in readout.tokens.enumerated() {
                    readouts.append(
                        Readout(
                            row: start + readout.first + offset - placed.computed, request: placed.text.request, option: readout.option,
                            token: offset, value: value))
                }
            }
            start += placed.text.tokens.count - placed.computed
        }
        let rows = Array(Set(readouts.map(\.row))).sorted()
        let places = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
        let asked = try backend.gatherRows(hidden, at: backend.upload(rows.map(Int32.init)))
        let width = model.language.vocabularySize
        let byRow = Dictionary(grouping: readouts) { places[$0.row]! }
        for range in Model.logitRanges(rows.count) {
            let logits = try backend.readFloats(model.language.logits(asked.rows(range)))
            try logits.withUnsafeBufferPointer { logits in
                for row in range {
                    let own = UnsafeBufferPointer(rebasing: logits[(row - range.lowerBound) * width..<(row - range.lowerBound + 1) * width])
                    guard own.isFinite else {
                        let (readout, request) = (byRow[row]![0], requests[byRow[row]![0].request])
                        let tokens = request.context + request.options[readout.option]
                        throw MongeError.notFinite(
                            try model.nonFiniteNumbers(
                                "logits", name: request.name, text: model.tokenizer.decode(tokens), tokens: tokens,
                                steering: request.steering))
                    }
                    let total = Model.logSumExp(own)
                    for readout in byRow[row]! {
                        scores[readout.request][readout.option][readout.token] = Double(own[Int(readout.value)]) - total
                    }
                }
            }
        }
    }

    /// The rows of a batch that are not computed yet, over the blocks of all.
    private func tokenBatch(_ batch: [Placed]) throws -> TokenBatch {
        let backend = model.backend
        let width = batch.map(\.blocks.count).max()!
        var tokens: [Int32] = [], positions: [Int32] = [], starts: [Int32] = [0], lengths: [Int32] = [], blocks: [Int32] = []
        for placed in batch {
            tokens += placed.text.tokens[placed.computed...]
            positions += (placed.computed..<placed.text.tokens.count).map(Int32.init)
            starts.append(Int32(tokens.count))
            lengths.append(Int32(placed.text.tokens.count))
            blocks += placed.blocks + [Int32](repeating: 0, count: width - placed.blocks.count)
        }
        return TokenBatch(
            tokens: try backend.upload(tokens), positions: try backend.upload(positions),
            segments: Segments(
                queryStarts: try backend.upload(starts), keyLengths: try backend.upload(lengths),
                blocks: try backend.upload(blocks, [batch.count, width]),
                maximumQueries: zip(starts, starts.dropFirst()).map { Int($1 - $0) }.max()!, maximumKeys: Int(lengths.max()!)),
            lastRows: try backend.upload(starts.dropFirst().map { $0 - 1 }),
            ranges: zip(starts, starts.dropFirst()).map { Int($0)..<Int($1) }, capacity: capacity)
    }

    /// What steers each row.
    private func transports(_ batch: [Placed], _ requests: [ScoringRequest]) throws -> [[TransportApplication]] {
        try installed.transports(
            for: batch.flatMap { placed in
                let request = requests[placed.text.request]
                return Steer.rows(
                    request.steering, tokens: placed.computed..<placed.text.tokens.count, generatedFrom: request.context.count - 1)
            })
    }
}

extension Steer {
    /// What steers the rows of a text that was written token by token from some place on: maps whose position is `last` act on each row from there on
    /// and on none before.
    /// - Parameters:
    ///   - tokens: The positions that are rows.
    ///   - first: The position of the last token that was there before the first was written.
    static func rows(_ steering: [Steer], tokens: Range<Int>, generatedFrom first: Int) -> [(rows: Int, steering: [Steer])] {
        guard steering.contains(where: { $0.map.description.position == .last }) else { return [(tokens.count, steering)] }
        let everywhere = steering.filter { $0.map.description.position == .all }
        let before = tokens.clamped(to: 0..<max(first, 0)).count
        let single = [(rows: Int, steering: [Steer])](repeating: (1, steering), count: tokens.count - before)
        return (before > 0 ? [(before, everywhere)] : []) + single
    }
}
