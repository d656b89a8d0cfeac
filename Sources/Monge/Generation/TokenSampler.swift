import Foundations
import Models
import Tensors

/// Chooses the next tokens of the requests of a generation on the device: repetition penalty, temperature, top-k and top-p, in the order of
/// Hugging Face transformers, with random numbers of a stream for each request.
package final class TokenSampler {
    private let backend: any Backend
    private let row: [Float]
    private var streams: [SeededGenerator]
    /// The tokens that each request has had; nil where nothing asks for them.
    private let sets: Tensor?

    /// - Parameters:
    ///   - streams: For each request the number of its stream of random numbers.
    ///   - prompts: For each request the tokens that count as repeated from the start.
    package init(
        _ options: GenerationOptions, streams: [Int], prompts: [[Int32]], vocabulary: Int, on backend: any Backend
    ) throws {
        self.backend = backend
        row = try options.sampling.row()
        var mixer = SeededGenerator(seed: options.seed)
        let base = mixer.next()
        self.streams = streams.map { SeededGenerator(seed: base &+ UInt64(truncatingIfNeeded: $0) &* 0xd134_2543_de82_ef95) }
        sets =
            options.repetitionPenalty == 1
            ? nil
            : try backend.upload(
                prompts.flatMap { SeenTokens.set(of: $0, vocabulary: vocabulary) },
                [prompts.count, SeenTokens.words(vocabulary: vocabulary)])
    }

    /// The options of some requests, on the device.
    func options(of requests: [Int]) throws -> Tensor {
        try backend.upload(requests.flatMap { _ in row }, [requests.count, row.count])
    }

    /// The next random numbers of some requests, of 24 bits.
    func uniforms(for requests: [Int]) -> [Float] {
        requests.map { Float(streams[$0].next() >> 40) * 0x1p-24 }
    }

    /// Chooses a token for each row of logits; −1 where they are not finite.
    /// - Parameter slots: `[rows]` i32: the numbers of the rows' requests.
    func choose(_ logits: Tensor, uniforms: Tensor, options: Tensor, slots: Tensor, into tokens: Tensor) throws {
        _ = try backend.sample(
            logits, uniforms: uniforms, options: options, seen: sets.map { SeenTokens(sets: $0, rows: slots) }, into: tokens)
    }
}
