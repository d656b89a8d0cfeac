import Models
import Tensors

/// The next token of each of some sequences: a forward pass over their last tokens and a choice among the logits, recorded once and
/// replayed. The host reads no logits.
///
/// Kernels read the true number of keys; how much work is launched for them is decided for a whole bucket of numbers
/// (``keyBucket(_:capacity:)``), and with another bucket the step is recorded anew.
package final class DecodeStep {
    /// The number of sequences.
    package let count: Int
    package let batch: DecodeBatch
    package let steering: SteeringRows
    /// Whether tokens that were seen count.
    package let usesSets: Bool
    private let model: any LanguageModel
    private let cache: KeyValueCache
    private let capacity: Int
    private let sampler: TokenSampler
    /// `[count, 5]` f32: how each row's token is chosen.
    private let options: Tensor
    private var writtenVersions: [Int]?
    private let isRecorded: Bool
    private var recording: (maximumKeys: Int, operations: any RecordedOperations)?
    /// `[count, vocabulary]`, as many rows at a time as were computed together: the logits of the last step.
    package private(set) var logits: [Tensor] = []

    /// - Parameters:
    ///   - steering: Of as many rows as there are sequences.
    ///   - blocks: The most rows of the cache that hold a sequence.
    ///   - capacity: The most tokens of a sequence; those of a row of the cache when nil.
    ///   - usesSets: Whether tokens that were seen count: nil for what the options of all slots ask for.
    ///   - isRecorded: Whether operations are recorded rather than asked for at each step, which comes to the same.
    package init(
        _ model: any LanguageModel, cache: KeyValueCache, sampler: TokenSampler, steering: SteeringRows, blocks: Int = 1,
        capacity: Int? = nil, usesSets: Bool? = nil, isRecorded: Bool = true
    ) throws {
        self.model = model
        self.cache = cache
        self.sampler = sampler
        self.steering = steering
        self.isRecorded = isRecorded
        self.usesSets = usesSets ?? sampler.needsSets(Array(0..<sampler.slots))
        self.capacity = capacity ?? cache.capacity
        count = steering.rows
        batch = try DecodeBatch(count: count, blocks: blocks, capacity: self.capacity, on: model.backend)
        options = try model.backend.allocate([count, SamplingOptions.numbers], .f32)
    }

    /// Runs the step.
    /// - Parameters:
    ///   - rows: The sequences, as many as the step has, or fewer.
    ///   - spare: The row of the cache that the others write to: nil where there are none.
    package func run(_ rows: [DecodeBatch.Row], spare: Int32? = nil) throws {
        let missing = count - rows.count
        precondition(missing == 0 || spare != nil, "rows without a sequence write somewhere")
        // A slot that no set has.
        let empty = DecodeBatch.Row(token: 0, position: 0, slot: sampler.slots, blocks: spare.map { [$0] })
        let rows = rows + [DecodeBatch.Row](repeating: empty, count: missing)
        try batch.write(rows)
        let slots = rows.map(\.slot)
        let versions = sampler.versions(of: slots)
        if writtenVersions != versions {
            try model.backend.write(sampler.options(of: slots), to: options)
            writtenVersions = versions
        }
        let maximumKeys = Self.keyBucket((rows.map(\.position).max() ?? 0) + 1, capacity: capacity)
        guard isRecorded else { return try operations(maximumKeys: maximumKeys) }
        if recording?.maximumKeys != maximumKeys {
            // Before the next one is made: its memory is free then.
            recording = nil
            logits = []
            recording = (
                maximumKeys, try model.backend.record(isBrief: true) { [unowned self] in try operations(maximumKeys: maximumKeys) }
            )
        }
        try recording!.operations.replay()
    }

    private func operations(maximumKeys: Int) throws {
        let context = ForwardContext(backend: model.backend, transports: steering.transports)
        let batch = self.batch.batch(maximumKeys: maximumKeys)
        let hidden = try model.forward(batch, cache: cache, context: context, output: .last)
        logits = try Model.logitRanges(batch.rowCount).map { range in
            let logits = try model.logits(hidden.rows(range))
            try sampler.choose(
                logits, uniforms: self.batch.uniforms.rows(range), options: options.rows(range), slots: self.batch.slots.rows(range),
                usesSets: usesSets, into: self.batch.chosen.rows(range))
            return logits
        }
    }

    /// The most keys that a step is recorded for when there are `keys`: the next of four sizes from a power of two to the next, so that work
    /// is launched for at most a quarter more than there are, and a text of n tokens makes 4·log₂(n) recordings at most.
    package static func keyBucket(_ keys: Int, capacity: Int) -> Int {
        let least = 64
        guard keys > least else { return min(least, capacity) }
        let quarter = 1 << (Int.bitWidth - (keys - 1).leadingZeroBitCount - 3)
        return min((keys + quarter - 1) / quarter * quarter, capacity)
    }
}
