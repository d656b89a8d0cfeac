import Foundations
import ModelFiles
import Models
import Tensors

/// Tokenised sentences in batches that a device runs one at a time.
struct CalibrationSet {
    /// Sentences that share a forward pass.
    struct Batch {
        /// Which sentences of the set these are.
        var samples: Range<Int>
        var tokens: [[Int32]]
    }

    let batches: [Batch]
    /// The number of sentences.
    let count: Int
    /// The tokens of all sentences.
    let tokenCount: Int
    /// How many sentences were cut.
    let cutCount: Int

    /// Rows that fill a matrix product without holding much memory.
    static let rowsPerBatch = 1024

    /// - Parameters:
    ///   - sentences: At least one.
    ///   - maximumTokens: Sentences are cut to this many tokens.
    ///   - encode: Gives a sentence's tokens; nil for those of a text as it is.
    init(
        _ sentences: [String], maximumTokens: Int, model: Model, encode: ((String) throws -> [Int32])? = nil
    ) throws {
        let limit = min(maximumTokens, model.language.contextLength)
        var batches = [Batch](), current = [[Int32]](), rows = 0, first = 0, cutCount = 0
        for (index, sentence) in sentences.enumerated() {
            let all = try encode?(sentence) ?? model.tokenizer.encode(sentence, addSpecial: true, parseSpecial: false)
            let tokens = Array(all.prefix(limit))
            if tokens.count < all.count { cutCount += 1 }
            guard !tokens.isEmpty else { throw MongeError.usage("sentence \(index + 1) has no tokens: '\(sentence.prefix(40))'") }
            if rows + tokens.count > CalibrationSet.rowsPerBatch, !current.isEmpty {
                batches.append(Batch(samples: first..<index, tokens: current))
                (current, rows, first) = ([], 0, index)
            }
            current.append(tokens)
            rows += tokens.count
        }
        batches.append(Batch(samples: first..<sentences.count, tokens: current))
        self.batches = batches
        self.cutCount = cutCount
        count = sentences.count
        tokenCount = batches.map { $0.tokens.map(\.count).reduce(0, +) }.reduce(0, +)
    }
}

extension CalibrationSet {
    /// The tokens that are samples where every token may be one: of all that do not stay out, at most `limit`, drawn with the seed, so that they
    /// are the same at every site.
    /// - Returns: For each batch the rows, ascending.
    func drawnTokens(_ pooling: SamplePooling, _ limit: Int, beginning: Int32?, seed: UInt64) -> [[Int32]] {
        let candidates = batches.enumerated().flatMap { index, batch in
            var row = 0
            return batch.tokens.flatMap { tokens in
                defer { row += tokens.count }
                return (row + pooling.skipped(tokens, beginning: beginning)..<row + tokens.count).map { (batch: index, row: Int32($0)) }
            }
        }
        var random = SeededGenerator(seed: seed)
        let drawn =
            candidates.count <= limit ? Array(candidates.indices) : candidates.indices.shuffled(using: &random).prefix(limit).sorted()
        var rows = [[Int32]](repeating: [], count: batches.count)
        for index in drawn { rows[candidates[index].batch].append(candidates[index].row) }
        return rows
    }
}

extension CalibrationSet.Batch {
    /// The batch on the device, every sentence from its first token.
    func tokenBatch(on backend: any Backend) throws -> TokenBatch {
        try TokenBatch(
            tokens.enumerated().map { TokenBatch.Sequence(tokens: $1, slot: $0) }, capacity: tokens.map(\.count).max()!, on: backend)
    }
}

/// How token activations become samples: one a sentence, or one a token.
package struct SamplePooling {
    let pooling: CapturePooling
    /// Whether the beginning-of-sequence token, where the model has one, stays out of the sample.
    private let skipsBeginning: Bool
    /// How many tokens at a sentence's beginning stay out of it.
    private let skippedTokens: Int

    package init(_ options: FitOptions) {
        pooling = options.effectivePooling
        skipsBeginning = options.capture.skipsBeginning
        skippedTokens = options.capture.skippedTokens
    }

    /// The device arrays that pool one batch.
    package struct Plan {
        let starts: Tensor
        let counts: Tensor
        let maximumCount: Int
        /// All samples of the batch as one stretch: where it starts (at 0), and their number.
        let allSamples: (start: Tensor, count: Tensor)
        /// The rows that are samples, where they are not pooled.
        var rows: Tensor?
    }

    /// How many of a sentence's tokens stay out: never all of them, since an empty sample would say nothing.
    func skipped(_ tokens: [Int32], beginning: Int32?) -> Int {
        min(max(skippedTokens, skipsBeginning && tokens.first == beginning ? 1 : 0), tokens.count - 1)
    }

    /// - Parameter drawn: The rows of the batch that are samples, where tokens are.
    func plan(
        for batch: TokenBatch, tokens: [[Int32]], beginning: Int32?, drawn: [Int32]? = nil, on backend: any Backend
    ) throws -> Plan {
        var starts = [Int32](), counts = [Int32]()
        for (range, tokens) in zip(batch.ranges, tokens) {
            let skip = skipped(tokens, beginning: beginning)
            starts.append(Int32(range.lowerBound + skip))
            counts.append(Int32(range.count - skip))
        }
        return Plan(
            starts: try backend.upload(starts), counts: try backend.upload(counts), maximumCount: Int(counts.max() ?? 0),
            allSamples: (try backend.upload([Int32(0)]), try backend.upload([Int32(starts.count)])),
            rows: try drawn.map { try backend.upload($0) })
    }

    /// One sample an image, of all its pixels (or tokens).
    /// - Parameter shape: Of the activation, `[images, …, channels]`.
    package func plan(forImagesOf shape: Shape, on backend: any Backend) throws -> Plan {
        let pixels = shape.rows / shape.images
        let starts = (0..<shape.images).map { Int32($0 * pixels) }
        return Plan(
            starts: try backend.upload(starts), counts: try backend.upload([Int32](repeating: Int32(pixels), count: starts.count)),
            maximumCount: pixels, allSamples: (try backend.upload([Int32(0)]), try backend.upload([Int32(starts.count)])))
    }

    /// Pools the activation of a batch, `[rows, channels]` or `[images, …, channels]`, or takes its rows.
    ///
    /// - Parameters:
    ///   - output: `[samples, channels]`.
    ///   - check: `[1, channels]`, numbers that are all finite exactly when every activation is: means, to which each token counts,
    ///     where a largest element or a last token would pass over a NaN elsewhere.
    package func callAsFunction(_ activation: Tensor, _ plan: Plan, on backend: any Backend, into output: Tensor, check: Tensor) throws {
        let activation = try activation.reshaped([activation.shape.rows, activation.shape.channels])
        func pooled(_ pooling: Pooling, into output: Tensor?) throws -> Tensor {
            try backend.pool(
                activation, starts: plan.starts, counts: plan.counts, maximumCount: plan.maximumCount, pooling: pooling, into: output)
        }
        var samples: Tensor?
        if let pooling = pooling.pooling {
            samples = try pooled(pooling, into: output)
        } else if let rows = plan.rows, rows.shape.count > 0 {
            _ = try backend.cast(backend.gatherRows(activation, at: rows), to: .f32, into: output)
        }
        let means = try pooling == .mean ? samples! : pooled(.mean, into: nil)
        _ = try backend.pool(
            means, starts: plan.allSamples.start, counts: plan.allSamples.count, maximumCount: means.shape[0], pooling: .mean, into: check)
    }
}

extension Model {
    /// Says how many sentences were cut, where some were.
    /// - Parameter name: What the sentences are: "sentences", "source sentences".
    func reportCuts(_ cut: Int, of count: Int, _ name: String, maximumTokens: Int, warn: (String) -> Void) {
        guard cut > 0 else { return }
        let limit = min(maximumTokens, language.contextLength)
        let advice = limit == maximumTokens ? "--max-tokens keeps more" : "the model's context holds no more"
        warn(
            "\(cut) of \(count) \(name) \(cut == 1 ? "is" : "are") longer than \(limit) tokens and \(cut == 1 ? "was" : "were") cut; \(advice)"
        )
    }
}
