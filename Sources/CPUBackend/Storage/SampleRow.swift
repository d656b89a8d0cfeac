import Tensors

/// What ``SampleOperation`` asks of one row, in host memory.
struct SampleRow {
    let uniform: Float
    /// 1/temperature; not above 0 for the most likely token.
    let inverseTemperature: Float
    /// How many tokens are kept at most.
    let kept: Int
    let topP: Float
    private let penalty: Float
    private let inversePenalty: Float
    /// The words of the row's set; nil where it has none.
    private let seen: UnsafeMutablePointer<Int32>?
    private let vocabulary: Int

    init(_ operation: SampleOperation, row: Int) throws {
        let name = "sample"
        vocabulary = operation.x.shape[1]
        uniform = try operation.uniforms.hostFloats(name)[row]
        let options = try operation.options.hostFloats(name) + row * SamplingOptions.numbers
        inverseTemperature = options[0]
        let topK = options[1]
        kept = topK >= 1 && topK < Float(vocabulary) ? Int(topK) : vocabulary
        topP = options[2]
        (penalty, inversePenalty) = (options[3], options[4])
        seen = try operation.seen.flatMap { seen in
            let set = Int(try seen.rows.hostIntegers(name)[row])
            guard (0..<seen.sets.shape[0]).contains(set) else { return nil }
            return try seen.sets.hostIntegers(name) + set * seen.sets.shape[1]
        }
    }

    var isGreedy: Bool { !(inverseTemperature > 0) }

    /// Whether logits have to be changed before a token is chosen.
    var hasPenalty: Bool { seen != nil && penalty != 1 }

    /// Changes the logits of tokens that were seen.
    func penalise(_ logits: UnsafeMutableBufferPointer<Float>) {
        guard let seen, penalty != 1 else { return }
        for word in 0..<SeenTokens.words(vocabulary: vocabulary) {
            var bits = UInt32(bitPattern: seen[word])
            while bits != 0 {
                let token = 32 * word + bits.trailingZeroBitCount
                if token < vocabulary { logits[token] = SampleWeight.penalised(logits[token], by: penalty, inverse: inversePenalty) }
                bits &= bits - 1
            }
        }
    }

    /// Adds the row's token to its set.
    func note(_ token: Int32) {
        guard let seen, token >= 0 else { return }
        seen[Int(token) / 32] |= 1 << (token % 32)
    }
}
