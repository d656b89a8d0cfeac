import Foundation

/// How a model turns queries and keys by their positions (Su et al. 2021): channel pair i by position · base^(−2i / channels), divided
/// by the pair's factor.
struct RotaryPosition: Sendable, Equatable {
    /// Factors for long sequences (Ding et al. 2024, "LongRoPE").
    struct LongContext: Sendable, Equatable {
        /// The most tokens of a sequence for which the other factors hold. A sequence counts by what it can grow to: its keys are turned
        /// once, and all alike.
        var beyond: Int
        var factors: [Float]
    }

    var base: Float
    /// The leading channels of each head that turn; nil for all.
    var channels: Int?
    /// Divides each pair's frequency; nil for none.
    var frequencyFactors: [Float]?
    var longContext: LongContext?
    /// Multiplies every sine and cosine, and so the channels of queries and keys that turn.
    var attentionFactor: Float = 1

    /// Checks the numbers, for heads of so many channels.
    func validate(headChannels: Int) throws {
        func check(_ condition: Bool, _ detail: String) throws {
            if !condition { throw ModelError.invalidConfiguration(detail) }
        }
        let channels = channels ?? headChannels
        try check(
            channels > 0 && channels <= headChannels && channels % 2 == 0,
            "\(channels) of \(headChannels) channels of a head are to turn by position, expected an even number of them")
        try check(base > 0 && base.isFinite, "the rotary base is \(base)")
        try check(attentionFactor > 0 && attentionFactor.isFinite, "the rotary attention factor is \(attentionFactor)")
        for factors in [frequencyFactors, longContext?.factors].compactMap({ $0 }) {
            try check(factors.count == channels / 2, "there are \(factors.count) rotary factors for \(channels) channels of a head")
            try check(factors.allSatisfy { $0.isFinite && $0 > 0 }, "a rotary factor is not a positive number")
        }
    }
}

/// A way of stretching rotary positions over a longer context than a model was first trained on.
enum RotaryScaling {
    /// All positions are divided by the factor (Chen et al. 2023, "Extending context window of large language models via positional
    /// interpolation").
    case linear(factor: Double)
    /// Llama 3.1: wavelengths beyond the original context over `low` are stretched by the factor, those under it over `high` are kept, and
    /// between them it is interpolated.
    case llama3(factor: Double, low: Double, high: Double, original: Double)
    /// YaRN (Peng et al. 2023): pairs that turn at least `fast` times within the original context are kept, those that turn at most `slow`
    /// times are stretched by the factor, and between them it is interpolated by the pair's number.
    case yarn(factor: Double, fast: Double, slow: Double, original: Double, truncates: Bool)

    /// What divides the frequency of each channel pair.
    func factors(base: Double, channels: Int) -> [Double] {
        let pairs = 0..<channels / 2
        switch self {
        case .linear(let factor): return pairs.map { _ in factor }
        case .llama3(let factor, let low, let high, let original):
            return pairs.map { pair in
                let wavelength = 2 * Double.pi * pow(base, Double(2 * pair) / Double(channels))
                if wavelength < original / high { return 1 }
                if wavelength > original / low { return factor }
                let kept = (original / wavelength - low) / (high - low)
                return 1 / ((1 - kept) / factor + kept)
            }
        case .yarn(let factor, let fast, let slow, let original, let truncates):
            /// The pair (as a real number) that turns so often within the original context.
            func pair(turning turns: Double) -> Double {
                Double(channels) * log(original / (turns * 2 * Double.pi)) / (2 * log(base))
            }
            let ends =
                truncates
                ? (pair(turning: fast).rounded(.down), pair(turning: slow).rounded(.up)) : (pair(turning: fast), pair(turning: slow))
            let low = max(ends.0, 0)
            var high = min(ends.1, Double(channels - 1))
            if low == high { high += 0.001 }
            return pairs.map { pair in
                let stretched = min(max((Double(pair) - low) / (high - low), 0), 1)
                return 1 / (stretched / factor + 1 - stretched)
            }
        }
    }

    /// YaRN's factor on sines and cosines for a stretch (its equation 22: 0.1 · ln s + 1).
    static func yarnAttention(factor: Double, scale: Double = 1) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }

    /// LongRoPE's factor on sines and cosines for a stretch of an original context: √(1 + ln s / ln original).
    static func longRopeAttention(factor: Double, original: Double) -> Double {
        factor <= 1 ? 1 : (1 + log(factor) / log(original)).squareRoot()
    }
}
