import Foundations

/// The plane of a condition, fitted to pooled activations of two sets of prompts, and how well it tells prompts apart that it was not fitted to.
///
/// Every prompt is held out once: in five rounds the direction c and the centre μ come from four fifths of the prompts, and the others are
/// scored. The threshold and its side are those of the best balanced accuracy over all these scores, the middle of the widest gap among the
/// best; c and μ are then those of all prompts. Where a share of the source is asked for that must meet the condition (its recall), thresholds that
/// fewer meet are passed over: what is to be steered may be rarer, or less plain, than in the two sets. The accuracy is that of thresholds that were chosen without the prompts they are tried on.
public struct ConditionFit: Sendable, Equatable {
    /// c, of length 1.
    public var direction: [Double]
    /// μ.
    public var centre: [Double]
    /// τ.
    public var threshold: Double
    public var side: Condition.Side
    /// Balanced, on held-out prompts.
    public var accuracy: Double

    /// In how many rounds prompts are held out.
    package static let folds = 5
    /// The fewest prompts a set: two in each round.
    public static let minimumSamples = 10

    /// - Parameters:
    ///   - source: `[n, channels]`, row-major: prompts that are to meet the condition.
    ///   - target: `[m, channels]`: prompts that are not.
    ///   - seed: Of the draw of the rounds.
    ///   - recall: The least share of the source that meets the condition.
    /// - Returns: nil when the sets have the same mean.
    public init?(source: [Float], target: [Float], channels: Int, seed: UInt64, recall: Double = 0) {
        let (a, b) = (
            Samples(source, width: channels, columns: 0..<channels), Samples(target, width: channels, columns: 0..<channels)
        )
        func rounds(_ count: Int, _ seed: UInt64) -> [Int] {
            var random = SeededGenerator(seed: seed)
            var rounds = [Int](repeating: 0, count: count)
            for (place, sample) in (0..<count).shuffled(using: &random).enumerated() { rounds[sample] = place % Self.folds }
            return rounds
        }
        self.init(source: a, target: b, rounds: (rounds(a.count, seed), rounds(b.count, seed &+ 1)), recall: recall)
    }

    /// - Parameter rounds: For each prompt the round in which it is held out, 0 ..< ``folds``.
    package init?(source: Samples, target: Samples, rounds: (source: [Int], target: [Int]), recall: Double = 0) {
        guard let whole = Plane(source, target) else { return nil }
        var scores = (source: [Double](repeating: 0, count: source.count), target: [Double](repeating: 0, count: target.count))
        for round in 0..<Self.folds {
            func others(_ rounds: [Int]) -> [Int] { rounds.indices.filter { rounds[$0] != round } }
            guard let plane = Plane(source[others(rounds.source)], target[others(rounds.target)]) else { return nil }
            for (sample, score) in plane.scores(source).enumerated() where rounds.source[sample] == round { scores.source[sample] = score }
            for (sample, score) in plane.scores(target).enumerated() where rounds.target[sample] == round { scores.target[sample] = score }
        }
        var right = (source: 0, target: 0)
        for round in 0..<Self.folds {
            func part(_ scores: [Double], _ rounds: [Int], _ isHeld: Bool) -> [Double] {
                zip(scores, rounds).filter { ($0.1 == round) == isHeld }.map(\.0)
            }
            let split = ScoreSplit(
                source: part(scores.source, rounds.source, false), target: part(scores.target, rounds.target, false), recall: recall)
            right.source += part(scores.source, rounds.source, true).count(where: split.isMet)
            right.target += part(scores.target, rounds.target, true).count { !split.isMet($0) }
        }
        let split = ScoreSplit(source: scores.source, target: scores.target, recall: recall)
        direction = whole.direction
        centre = whole.centre
        threshold = split.threshold
        side = split.side
        accuracy = (Double(right.source) / Double(source.count) + Double(right.target) / Double(target.count)) / 2
    }

    private struct Plane {
        let direction, centre: [Double]

        init?(_ source: Samples, _ target: Samples) {
            let difference = zip(source.mean, target.mean).map { $0 - $1 }
            guard difference.norm > 0 else { return nil }
            direction = difference.normalised
            centre = source.followed(by: target).mean
        }

        func scores(_ samples: Samples) -> [Double] {
            let offset = dot(centre, direction)
            return samples.projections(on: direction).map { $0 - offset }
        }
    }
}

/// The threshold that tells two sets of scores apart best.
package struct ScoreSplit {
    package let threshold: Double
    package let side: Condition.Side

    /// - Parameters:
    ///   - source: Scores on the wanted side, at least one.
    ///   - target: Scores on the other.
    ///   - recall: The least share of the source that is on the wanted side.
    package init(source: [Double], target: [Double], recall: Double = 0) {
        let all = (source.map { (score: $0, isSource: true) } + target.map { (score: $0, isSource: false) }).sorted { $0.score < $1.score }
        // Balanced accuracy times twice the product of the counts, so that equals are equal: right are the source's above and the target's below.
        let perfect = 2 * source.count * target.count
        var right = source.count * target.count
        // Everything meets it, or, where nothing is asked for, all but the smallest.
        let everything = recall > 0 ? all[0].score.nextDown : all[0].score
        var best = (right: right, gap: -1.0, threshold: everything, side: Condition.Side.above)
        var below = 0
        for (lower, upper) in zip(all, all.dropFirst()) {
            right += lower.isSource ? -target.count : source.count
            below += lower.isSource ? 1 : 0
            let gap = upper.score - lower.score
            guard gap > 0 else { continue }
            for (right, side, met) in [(right, Condition.Side.above, source.count - below), (perfect - right, .below, below)]
            where Double(met) >= recall * Double(source.count) && (best.right, best.gap) < (right, gap) {
                best = (right, gap, lower.score + gap / 2, side)
            }
        }
        (threshold, side) = (best.threshold, best.side)
    }

    package func isMet(_ score: Double) -> Bool { side == .above ? score > threshold : score < threshold }
}
