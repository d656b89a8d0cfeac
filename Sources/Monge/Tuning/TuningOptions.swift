import Transport

/// What a tuned map may cost.
public enum TuningBudget: Sendable, Equatable, CustomStringConvertible {
    /// The perplexity of plain text, all tokens together, may rise by this share of itself.
    case perplexity(increase: Double)
    /// MMLU may fall by this many points.
    case mmlu(points: Double)

    /// Reads `perplexity +10%` and `mmlu -1`.
    public init?(_ text: String) {
        let parts = text.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "perplexity", "ppl":
            guard parts[1].hasSuffix("%"), let share = Double(parts[1].dropLast()), share > 0, share.isFinite else { return nil }
            self = .perplexity(increase: share / 100)
        case "mmlu":
            guard let points = Double(parts[1]), points < 0, points.isFinite else { return nil }
            self = .mmlu(points: -points)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .perplexity(let increase): "perplexity +\(Self.number(100 * increase))%"
        case .mmlu(let points): "mmlu -\(Self.number(points))"
        }
    }

    private static func number(_ value: Double) -> String { value == value.rounded() ? String(Int(value)) : String(value) }
}

/// How a map is tuned.
public struct TuningOptions: Sendable {
    /// Regular expressions of the sites that are searched; empty for all that the model has.
    public var sites: [String] = []
    public var methods: [Estimator] = [.linear, .mean]
    /// How the maps of the last candidates are estimated; the search itself uses simultaneous ones, which parts can be taken of.
    public var estimation: Estimation = .causal
    /// Without the first token of each sentence: attention that needs nothing goes there, its activation is like no other, and in a mean it weighs the more the shorter the sentence is.
    public var capture = CaptureOptions(skippedTokens: 1)
    /// How far the increase of perplexity may go.
    public var perplexityIncrease = 0.1
    /// How many points of MMLU may go; nil where it is not looked at.
    public var mmluPoints: Double?
    /// Whether a low score of the judge is wanted.
    public var minimises = false
    /// The score from which on a text counts.
    public var threshold = 0.5
    /// Continuations by which the last candidates are compared; the first rounds take fewer.
    public var samples = 192
    public var generation = GenerationOptions.concepts
    /// The most that a strength may be.
    public var maximumStrength: Float = 3
    /// In which requests the map acts, from the first candidate on: plain sentences that do not meet it cost nothing, and neither do prompts gain; nil for
    /// all.
    public var condition: Condition?
    /// At most so many sentences a side.
    public var limit: Int?
    public var seed: UInt64 = 0
    public var sourceName = "source"
    public var targetName = "target"

    public init() {}

    func validate() throws {
        guard !methods.isEmpty else { throw MongeError.usage("there are no methods to try") }
        for method in methods where method.choosesUnits || method == .actAdd || !(method.isByNeuron || method == .chars) {
            throw MongeError.usage("tune tries linear, mean, gaussian, caa, aurA and chars, and \(method) is none of them")
        }
        guard samples >= 16 else { throw MongeError.usage("\(samples) continuations tell little; 16 are the least") }
    }
}
