import Foundations
import Models
import Tensors

/// Chooses the next tokens of requests on the device: repetition penalty, temperature, top-k and top-p, in the order of Hugging Face
/// transformers. Each request has a slot, with options and a set of seen tokens of its own.
package final class TokenSampler {
    /// How many requests there is room for.
    package let slots: Int
    private let vocabulary: Int
    private let backend: any Backend
    /// By slot: the numbers of its options.
    private var rows: [[Float]]
    private var penalises: [Bool]
    /// `[slots, ⌈vocabulary/32⌉]` i32: the tokens that each request has had; nil until somebody asks.
    private var sets: Tensor?
    /// By slot: the number of its request, of all that began.
    private var requests: [Int]
    private var begun = 0

    package init(slots: Int, vocabulary: Int, on backend: any Backend) {
        self.slots = slots
        self.vocabulary = vocabulary
        self.backend = backend
        rows = [[Float]](repeating: [Float](repeating: 0, count: SamplingOptions.numbers), count: slots)
        penalises = [Bool](repeating: false, count: slots)
        requests = [Int](repeating: 0, count: slots)
    }

    /// Begins a request.
    /// - Parameter tokens: Those that count as repeated from the start.
    /// - Throws: `TensorError` for options outside their meaning.
    package func begin(_ slot: Int, _ options: SamplingOptions, tokens: [Int32]) throws {
        rows[slot] = try options.row()
        begun += 1
        requests[slot] = begun
        penalises[slot] = options.repetitionPenalty != 1
        guard penalises[slot] else { return }
        let words = SeenTokens.words(vocabulary: vocabulary)
        if sets == nil { sets = try backend.upload([Int32](repeating: 0, count: slots * words), [slots, words]) }
        try backend.write(SeenTokens.set(of: tokens, vocabulary: vocabulary), to: sets!.rows(slot..<slot + 1))
    }

    /// What tells the requests of some slots from those that had the slots before.
    func versions(of slots: [Int]) -> [Int] { slots.map { requests.indices.contains($0) ? requests[$0] : 0 } }

    /// The numbers of the options of some slots, one after the other; of a slot that there is not, those of the most likely token.
    func options(of slots: [Int]) -> [Float] {
        slots.flatMap { rows.indices.contains($0) ? rows[$0] : [Float](repeating: 0, count: SamplingOptions.numbers) }
    }

    /// Whether tokens that were seen count for any of some slots.
    func needsSets(_ slots: [Int]) -> Bool { sets != nil && slots.contains { penalises[$0] } }

    /// Chooses a token for each row of logits; −1 where they are not finite.
    /// - Parameters:
    ///   - options: `[rows, 5]` f32.
    ///   - slots: `[rows]` i32: the slots of the rows' requests; one that there is not has no set.
    ///   - usesSets: Whether tokens that were seen count.
    func choose(_ logits: Tensor, uniforms: Tensor, options: Tensor, slots: Tensor, usesSets: Bool, into tokens: Tensor) throws {
        _ = try backend.sample(
            logits, uniforms: uniforms, options: options, seen: usesSets ? sets.map { SeenTokens(sets: $0, rows: slots) } : nil,
            into: tokens)
    }
}

extension GenerationOptions {
    /// The random numbers of a stream: the same for the same seed, and for each stream others.
    package func random(stream: Int) -> SeededGenerator {
        var mixer = SeededGenerator(seed: seed)
        return SeededGenerator(seed: mixer.next() &+ UInt64(truncatingIfNeeded: stream) &* 0xd134_2543_de82_ef95)
    }
}
