import Foundation
import Foundations

/// A linear classifier of target against source activations: p(target | x) = σ(⟨w, x⟩ + b).
///
/// It minimises ½‖w‖² + Σ log(1 + exp(∓(⟨w, x⟩ + b))), which is scikit-learn's `LogisticRegression` with its defaults (an L2 penalty with
/// C = 1, none on the intercept). The minimum is the only one; quasi-Newton steps (L-BFGS: Liu & Nocedal 1989) go there, in variables in
/// which the curvature is about 1 everywhere, so that neurons of very different size do not slow them down.
public struct LogisticProbe: Sendable, Equatable {
    /// w.
    public var weights: [Double]
    /// b.
    public var intercept: Double

    /// The fewest samples a side: one in five of each is held out where a probe is scored.
    public static let minimumSamples = 5

    /// p(target) of one activation.
    public func probability(_ x: some Collection<Float>) -> Double {
        1 / (1 + exp(-(zip(weights, x).reduce(intercept) { $0 + $1.0 * Double($1.1) })))
    }

    init(source: Samples, target: Samples) {
        let samples = source.followed(by: target)
        let channels = samples.channels
        let mean = samples.mean
        // The second derivative by w is 1 for the penalty, and at the start a quarter of the sum of squares for the samples.
        let weight = Double(samples.count) / 4
        let scales = samples.variances(about: mean).map { (1 + weight * $0).squareRoot() }
        // In u = w·scale and the intercept at the mean, scaled likewise.
        let objective = Objective(
            samples, positives: source.count..<samples.count, mean: mean, scales: scales, interceptScale: weight.squareRoot())
        let minimum = LBFGS.minimise(from: [Double](repeating: 0, count: channels + 1)) { objective($0, gradient: &$1) }
        weights = zip(minimum, scales).map { $0 / $1 }
        intercept = minimum[channels] / weight.squareRoot() - dot(weights, mean)
    }

    /// The share of samples of either side that are told apart, the two sides counting alike.
    func balancedAccuracy(source: Samples, target: Samples) -> Double {
        func share(_ samples: Samples, _ isRight: (Double) -> Bool) -> Double {
            Double(samples.projections(on: weights).count { isRight($0 + intercept) }) / Double(max(samples.count, 1))
        }
        return (share(source) { $0 <= 0 } + share(target) { $0 > 0 }) / 2
    }

    /// How well a probe that is fitted to four fifths of the samples tells the rest apart.
    /// - Parameter seed: Of the draw.
    static func heldOutAccuracy(source: Samples, target: Samples, seed: UInt64) -> Double {
        func split(_ samples: Samples, _ seed: UInt64) -> (fitted: Samples, held: Samples) {
            var random = SeededGenerator(seed: seed)
            let order = (0..<samples.count).shuffled(using: &random)
            let held = max(1, samples.count / 5)
            return (samples[Array(order[held...])], samples[Array(order[..<held])])
        }
        let (source, target) = (split(source, seed), split(target, seed &+ 1))
        return LogisticProbe(source: source.fitted, target: target.fitted).balancedAccuracy(source: source.held, target: target.held)
    }
}

/// What a probe minimises, and its gradient.
private struct Objective {
    /// Centred and scaled, `[count, channels + 1]`: the last stands for the intercept.
    private let rows: [Double]
    private let count: Int
    private let width: Int
    private let positives: Range<Int>
    /// 1 / scale², the weight of each variable in the penalty.
    private let penalties: [Double]

    init(_ samples: Samples, positives: Range<Int>, mean: [Double], scales: [Double], interceptScale: Double) {
        count = samples.count
        width = samples.channels + 1
        self.positives = positives
        penalties = scales.map { 1 / ($0 * $0) } + [0]
        var rows = [Double]()
        rows.reserveCapacity(count * width)
        samples.forEach { _, row in
            for j in row.indices { rows.append((row[j] - mean[j]) / scales[j]) }
            rows.append(1 / interceptScale)
        }
        self.rows = rows
    }

    func callAsFunction(_ u: [Double], gradient: inout [Double]) -> Double {
        var value = 0.0
        for j in 0..<width {
            value += u[j] * u[j] * penalties[j] / 2
            gradient[j] = u[j] * penalties[j]
        }
        rows.withUnsafeBufferPointer { rows in
            gradient.withUnsafeMutableBufferPointer { gradient in
                for index in 0..<count {
                    let row = UnsafeBufferPointer(rebasing: rows[index * width..<(index + 1) * width])
                    let score = dot(row, u)
                    let isPositive = positives.contains(index)
                    // log(1 + exp(−margin)) without overflow.
                    let margin = isPositive ? score : -score
                    let decay = exp(-abs(margin))
                    value += log1p(decay) + max(-margin, 0)
                    let probability = score >= 0 ? 1 / (1 + decay) : decay / (1 + decay)
                    let residual = probability - (isPositive ? 1 : 0)
                    for j in 0..<width { gradient[j] += residual * row[j] }
                }
            }
        }
        return value
    }
}
