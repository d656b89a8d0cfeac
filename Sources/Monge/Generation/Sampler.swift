import Foundation

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
        guard logits.allSatisfy({ !$0.isNaN }) else {
            throw MongeError.failed("the model's logits are not numbers; steer with a smaller strength, or within a support")
        }
        for token in seen {
            let value = logits[Int(token)]
            logits[Int(token)] = value > 0 ? value / options.repetitionPenalty : value * options.repetitionPenalty
        }
        let token = options.temperature == 0 ? Sampler.argmax(logits) : draw(logits)
        if options.repetitionPenalty != 1 { seen.insert(token) }
        return token
    }

    private static func argmax(_ logits: UnsafeMutableBufferPointer<Float>) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        return Int32(best)
    }

    private mutating func draw(_ logits: UnsafeMutableBufferPointer<Float>) -> Int32 {
        let maximum = logits.reduce(-Float.infinity) { Swift.max($0, $1) }
        let scale = 1 / options.temperature
        var total: Double = 0
        if options.topK == 0 || options.topK >= logits.count {
            for value in logits { total += Double(expf((value - maximum) * scale)) }
        }
        let candidates = nucleus(logits, maximum: maximum, scale: scale, total: total)
        let mass = candidates.reduce(0) { $0 + $1.probability }
        var remaining = Double(random.next() >> 11) * 0x1p-53 * mass
        for candidate in candidates {
            remaining -= candidate.probability
            if remaining < 0 { return candidate.token }
        }
        return candidates.last!.token
    }

    private typealias Candidate = (token: Int32, probability: Double)

    /// The tokens to draw from, most likely first, ties by lower index, with unnormalised probabilities.
    private func nucleus(
        _ logits: UnsafeMutableBufferPointer<Float>, maximum: Float, scale: Float, total: Double
    ) -> [Candidate] {
        // Few tokens hold the mass: look at those within a distance of the best, and widen until they suffice.
        var reach: Float = options.topP < 1 || options.topK > 0 ? 8 : .infinity
        while true {
            let threshold = maximum - reach * options.temperature
            var candidates = [Candidate]()
            for index in logits.indices where logits[index] >= threshold {
                candidates.append((Int32(index), Double(expf((logits[index] - maximum) * scale))))
            }
            let everything = candidates.count == logits.count || reach.isInfinite
            if reach.isFinite || options.topP < 1 || options.topK > 0 {
                candidates.sort { ($1.probability, $0.token) < ($0.probability, $1.token) }
            }
            if options.topK > 0 && options.topK < logits.count {
                if candidates.count >= options.topK || everything {
                    candidates = Array(candidates.prefix(options.topK))
                    return cut(candidates, at: Double(options.topP) * candidates.reduce(0) { $0 + $1.probability }) ?? candidates
                }
            } else if let kept = cut(candidates, at: Double(options.topP) * total) {
                return kept
            } else if everything {
                return candidates
            }
            reach = reach > 64 ? .infinity : 2 * reach
        }
    }

    /// The shortest beginning whose probability reaches `mass`, nil when all of them do not.
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
