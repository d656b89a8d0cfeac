import Models
import Tensors

/// The next token of each of some sequences: a forward pass over their last tokens and a choice among the logits, recorded once and
/// replayed. Token ids stay on the device from step to step; the host reads no logits.
///
/// Kernels read the true number of keys; how much work is launched for them is decided for a whole bucket of numbers
/// (``keyBucket(_:capacity:)``), and with another bucket the step is recorded anew.
package final class DecodeStep {
    package let batch: DecodeBatch
    package let steering: SteeringRows
    private let model: any LanguageModel
    private let cache: KeyValueCache
    private let sampler: TokenSampler
    /// `[rows, 5]` f32: how each row's token is chosen.
    private let options: Tensor
    private let isRecorded: Bool
    private var recording: (maximumKeys: Int, operations: any RecordedOperations)?
    /// `[rows, vocabulary]`, as many rows at a time as were computed together: the logits of the last step.
    package private(set) var logits: [Tensor] = []

    /// - Parameters:
    ///   - requests: The numbers of the sequences' requests in the sampler; each owns the slot of that number.
    ///   - isRecorded: Whether operations are recorded rather than asked for at each step, which comes to the same.
    package init(
        _ model: any LanguageModel, cache: KeyValueCache, sampler: TokenSampler, requests: [Int], steering: SteeringRows,
        isRecorded: Bool = true
    ) throws {
        self.model = model
        self.cache = cache
        self.sampler = sampler
        self.steering = steering
        self.isRecorded = isRecorded
        batch = try DecodeBatch(count: requests.count, capacity: cache.capacity, on: model.backend)
        options = try sampler.options(of: requests)
    }

    /// Runs the step for sequences of the given lengths.
    /// - Parameters:
    ///   - positions: How many tokens of each sequence are in the cache.
    ///   - requests: The numbers of the sequences' requests, as before.
    package func run(positions: [Int], requests: [Int]) throws {
        try batch.write(positions: positions, slots: requests, uniforms: sampler.uniforms(for: requests))
        let maximumKeys = Self.keyBucket((positions.max() ?? 0) + 1, capacity: cache.capacity)
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
                into: self.batch.tokens.rows(range))
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
