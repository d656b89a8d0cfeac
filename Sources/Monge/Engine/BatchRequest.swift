import Foundations
import Tensors

/// What is captured of a text while it is read.
package struct BatchCapture: Equatable {
    /// The indices of sites.
    package var sites: [Int]
    /// How a text's tokens become one sample; nil for a sample of each.
    package var pooling: Pooling?

    package init(sites: [Int], pooling: Pooling?) {
        self.sites = sites
        self.pooling = pooling
    }
}

/// A text to be continued, or to be read alone, in tokens.
package struct BatchRequest {
    /// The prompt, not empty.
    package var prompt: [Int32]
    /// The most tokens to add, at least 1; 0 where something is captured.
    package var tokens: Int
    /// What is captured; nil for a text that is continued.
    package var capture: BatchCapture?
    package var sampling: SamplingOptions
    /// The numbers that tokens are drawn with, of 24 bits each.
    package var random: SeededGenerator
    /// Tokens that end the text, and are no part of it.
    package var stopTokens: Set<Int32>
    /// Maps in the order in which they act, and when.
    package var steering: [ScheduledSteer]
    /// Who asks, for a fair share of the device.
    package var client: String
    /// How many of the likeliest tokens are told of with each token, and how likely they were; nil for none, nor how likely the token itself was.
    package var scores: Int?

    package init(
        prompt: [Int32], tokens: Int, sampling: SamplingOptions, random: SeededGenerator, stopTokens: Set<Int32> = [],
        steering: [ScheduledSteer] = [], client: String = "", scores: Int? = nil
    ) {
        precondition(!prompt.isEmpty && tokens > 0, "a prompt, and at least one token to add")
        capture = nil
        self.prompt = prompt
        self.tokens = tokens
        self.sampling = sampling
        self.random = random
        self.stopTokens = stopTokens
        self.steering = steering
        self.client = client
        self.scores = scores
    }
}

extension BatchRequest {
    /// The most of its tokens that are ever read: the last one that is chosen is not.
    var longest: Int { prompt.count + max(tokens - 1, 0) }

    /// A text that is read alone.
    package init(capturing capture: BatchCapture, of tokens: [Int32], steering: [ScheduledSteer] = [], client: String = "") {
        self.init(
            prompt: tokens, tokens: 1, sampling: SamplingOptions(temperature: 0), random: SeededGenerator(seed: 0), steering: steering,
            client: client)
        (self.tokens, self.capture) = (0, capture)
    }
}

/// A map at a strength, and on which tokens.
public struct ScheduledSteer: Sendable, Equatable {
    public var steer: Steer
    public var schedule: SteeringSchedule

    public init(_ steer: Steer, _ schedule: SteeringSchedule = .always) {
        self.steer = steer
        self.schedule = schedule
    }
}

/// What happened to a request in a step.
package enum BatchEvent: Equatable {
    /// - Parameter scores: Where the request asked for them.
    case token(request: Int, Int32, scores: TokenScores?)
    /// What was captured, of each site `[samples, channels]`: all of a request that captures.
    case captured(request: Int, [[Float]])
    /// - Parameter metConditions: For each map whether its condition was met, nil for a map without one; empty where none has one.
    case ended(request: Int, BatchEnding, metConditions: [Bool?])
}

/// Why a text ended.
package enum BatchEnding: Equatable {
    /// By a stop token.
    case stopped
    /// All the tokens that were asked for are there.
    case length
    /// Its logits are not finite.
    case notFinite
}

/// A request while it is in a batch.
final class BatchRow {
    let id: Int
    let request: BatchRequest
    /// Where the device's tables have its maps.
    let maps: [SteeringTables.Entry]
    /// Whether some map acts only where a condition is met.
    let isConditional: Bool
    /// The maps that act on every token, where these are the same for all.
    private let constant: [SteeringTables.Entry]?
    /// Whether the same maps act on all tokens, equally strongly.
    var isConstant: Bool { constant != nil }
    /// The prompt and what was added to it.
    var tokens: [Int32]
    var random: SeededGenerator
    /// Its place on the device; nil while it waits.
    var slot: Int?
    /// How many of its tokens have their keys and values in the cache, or will once what was asked for is computed.
    var computed = 0
    var blocks: [Int32] = []
    /// For each map with a marker the position of the last of its tokens, from which the map acts; nil while it was not written.
    var starts: [Int?]
    /// The blocks from the beginning that are known to the pool, and the identity of the last of them; nil when a block is not, and so none after it.
    var known: (count: Int, identity: Int)? = (0, 0)

    init(id: Int, _ request: BatchRequest, maps: [SteeringTables.Entry]) {
        self.id = id
        self.request = request
        self.maps = maps
        isConditional = maps.contains(where: \.isConditional)
        let isAlwaysTheSame = !maps.contains(where: \.lastOnly) && request.steering.allSatisfy { $0.schedule == .always }
        constant = isAlwaysTheSame ? isConditional ? maps : maps.filter { $0.strength != 0 } : nil
        tokens = request.prompt
        random = request.random
        starts = maps.map { _ in nil }
    }

    /// The most of its tokens that are ever read: the last one that is chosen is not.
    var longest: Int { request.longest }
    var generated: Int { tokens.count - request.prompt.count }
    /// The tokens that are to be read before the next one can be chosen.
    var unread: Int { tokens.count - computed }
    /// Whether a pass over its prompt is to come.
    var isReading: Bool { unread > 1 || request.capture != nil }
    /// Whether its next step adds a token.
    var isContinuing: Bool { unread == 1 && request.capture == nil }

    /// The maps that act on the token at a position, with their strengths there. Where some are conditional all stay in their places, those that do not
    /// act with strength 0: what was decided is known by the place.
    func acting(at position: Int) -> [SteeringTables.Entry] {
        if let constant { return constant }
        var entries = maps
        for (place, scheduled) in request.steering.enumerated() {
            // A map of the last position acts on no token of the prompt before its last.
            let isBefore = maps[place].lastOnly && position < request.prompt.count - 1
            entries[place].strength *=
                isBefore ? 0 : scheduled.schedule.factor(at: position, prompt: request.prompt.count, marked: starts[place])
            entries[place].lastOnly = false
        }
        return isConditional ? entries : entries.filter { $0.strength != 0 }
    }

    /// The same for consecutive positions: stretches over which nothing changes.
    func acting(over positions: Range<Int>) -> [(rows: Int, maps: [SteeringTables.Entry])] {
        if let constant { return [(positions.count, constant)] }
        var stretches: [(rows: Int, maps: [SteeringTables.Entry])] = []
        for position in positions {
            let maps = acting(at: position)
            if stretches.last?.maps == maps { stretches[stretches.count - 1].rows += 1 } else { stretches.append((1, maps)) }
        }
        return stretches
    }

    /// What acted on the tokens of a block; nil where it is not the same for all, or not known on the host.
    func acting(inBlock block: Int) -> [BlockPool.Acting]? {
        guard !isConditional else { return nil }
        let stretches = acting(over: block * BlockPool.size..<(block + 1) * BlockPool.size)
        return stretches.count == 1 ? stretches[0].maps.map { BlockPool.Acting(map: $0.identity, strength: $0.strength) } : nil
    }
}
