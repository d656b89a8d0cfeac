import CPUBackend
import Foundation
import Foundations

/// Draws next tokens from logits: repetition penalty, temperature, top-k, top-p, in the order of Hugging Face transformers.
struct Sampler {
    let options: GenerationOptions
    private var random: SeededGenerator
    private var seen: Set<Int32>

    /// - Parameters:
    ///   - stream: The number of the sequence; each has its own stream of random numbers.
    ///   - prompt: Tokens that count as repeated from the start.
    init(_ options: GenerationOptions, stream: Int, prompt: [Int32]) {
        self.options = options
        var mixer = SeededGenerator(seed: options.seed)
        let base = mixer.next()
        random = SeededGenerator(seed: base &+ UInt64(truncatingIfNeeded: stream) &* 0xd134_2543_de82_ef95)
        seen = options.repetitionPenalty == 1 ? [] : Set(prompt)
    }

    /// Whether the most likely token is taken as it stands, so that a device can find it.
    static func isPlainGreedy(_ options: GenerationOptions) -> Bool {
        options.temperature == 0 && options.repetitionPenalty == 1
    }

    /// The next token.
    /// - Parameter logits: One row; changed by the penalty.
    /// - Throws: ``MongeError/failed(_:)`` when a logit is not a number: some strengths drive a model out of its range.
    mutating func next(_ logits: UnsafeMutableBufferPointer<Float>) throws -> Int32 {
        // Counted rather than searched for, so that the loop runs over whole vectors.
        guard logits.reduce(0, { $0 &+ ($1 == $1 ? 0 : 1) }) == 0 else {
            throw MongeError.failed("the model's logits are not numbers; steer with a smaller strength, or within a support")
        }
        for token in seen {
            let value = logits[Int(token)]
            logits[Int(token)] = value > 0 ? value / options.repetitionPenalty : value * options.repetitionPenalty
        }
        let token = options.temperature == 0 ? Int32(VectorMath.argmax(UnsafeBufferPointer(logits))) : draw(logits)
        if options.repetitionPenalty != 1 { seen.insert(token) }
        return token
    }

    private mutating func draw(_ logits: UnsafeMutableBufferPointer<Float>) -> Int32 {
        let row = UnsafeBufferPointer(logits)
        let total = VectorMath.exponentials(row, shift: VectorMath.maximum(row), scale: 1 / options.temperature, into: logits)
        let candidates = nucleus(row, total: total)
        let mass = candidates.reduce(0) { $0 + $1.probability }
        var remaining = Double(random.next() >> 11) * 0x1p-53 * mass
        for candidate in candidates {
            remaining -= candidate.probability
            if remaining < 0 { return candidate.token }
        }
        return candidates.last!.token
    }

    private typealias Candidate = (token: Int32, probability: Double)

    /// The tokens to draw from, with unnormalised probabilities; most likely first, ties by lower index, where some are left out.
    ///
    /// - Parameters:
    ///   - probabilities: Unnormalised; the largest is 1.
    ///   - total: Their sum.
    private func nucleus(_ probabilities: UnsafeBufferPointer<Float>, total: Double) -> [Candidate] {
        let limit = options.topK == 0 ? probabilities.count : min(options.topK, probabilities.count)
        let keepsAll = limit == probabilities.count && options.topP == 1
        // Few tokens hold the mass: look at those within a factor of the best, and widen until they suffice.
        var threshold: Float = keepsAll ? 0 : 0x1p-12
        while true {
            var candidates = [Candidate]()
            for index in probabilities.indices where probabilities[index] >= threshold {
                candidates.append((Int32(index), Double(probabilities[index])))
            }
            if keepsAll { return candidates }
            let isComplete = candidates.count == probabilities.count
            candidates.sort { ($1.probability, $0.token) < ($0.probability, $1.token) }
            if limit < probabilities.count {
                if candidates.count >= limit {
                    let best = Array(candidates.prefix(limit))
                    return cut(best, at: Double(options.topP) * best.reduce(0) { $0 + $1.probability }) ?? best
                }
            } else if let kept = cut(candidates, at: Double(options.topP) * total) {
                return kept
            }
            if isComplete { return candidates }
            threshold = threshold < 0x1p-60 ? 0 : threshold * 0x1p-12
        }
    }

    /// The shortest beginning whose probability reaches `mass`; nil when all of them do not, or all are wanted.
    private func cut(_ candidates: [Candidate], at mass: Double) -> [Candidate]? {
        guard options.topP < 1 else { return nil }
        var sum = 0.0
        for (index, candidate) in candidates.enumerated() {
            sum += candidate.probability
            if sum >= mass { return Array(candidates[...index]) }
        }
        return nil
    }
}
