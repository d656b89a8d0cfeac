import Foundation

/// How likely a token was, in the model's own distribution: before temperature, top-k, top-p and the repetition penalty.
public struct TokenScore: Sendable, Equatable {
    public var token: Int32
    /// The natural logarithm of its probability.
    public var logProbability: Float

    public init(token: Int32, logProbability: Float) {
        self.token = token
        self.logProbability = logProbability
    }
}

/// How likely the token was that was chosen, and which were likeliest in its place.
public struct TokenScores: Sendable, Equatable {
    public var chosen: TokenScore
    /// The likeliest first; of those that are equal the first in the vocabulary.
    public var top: [TokenScore]

    public init(chosen: TokenScore, top: [TokenScore]) {
        self.chosen = chosen
        self.top = top
    }

    /// - Parameter logits: Of all tokens, finite.
    init(_ logits: [Float], chosen: Int32, top count: Int) {
        let largest = logits.max()!
        // log Σ exp(x) = m + log Σ exp(x − m), which does not overflow.
        let total = Double(largest) + log(logits.reduce(0.0) { $0 + Double(exp($1 - largest)) })
        func score(_ token: Int) -> TokenScore { TokenScore(token: Int32(token), logProbability: Float(Double(logits[token]) - total)) }
        self.chosen = score(Int(chosen))
        var best: [Int] = []
        for token in logits.indices where count > 0 {
            if best.count == count, logits[token] <= logits[best[count - 1]] { continue }
            let place = best.firstIndex { logits[$0] < logits[token] } ?? best.count
            best.insert(token, at: place)
            if best.count > count { best.removeLast() }
        }
        top = best.map(score)
    }
}
