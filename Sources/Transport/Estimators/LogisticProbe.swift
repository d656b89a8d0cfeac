import Foundation
import Foundations

/// A linear classifier of target against source activations: p(target | x) = σ(⟨w, x⟩ + b).
///
/// It minimises ½‖w‖² + Σ log(1 + exp(∓(⟨w, x⟩ + b))), which is scikit-learn's `LogisticRegression` with its defaults (an L2 penalty with
/// C = 1, none on the intercept). The minimum is the only one; Newton's steps go there, some ten of them, each of
/// samples · neurons² / 2 + neurons³ / 6 multiply-adds.
public struct LogisticProbe: Sendable, Equatable {
    /// w.
    public var weights: [Double]
    /// b.
    public var intercept: Double

    /// The fewest samples a side: one in five of each is held out where a probe is scored.
    public static let minimumSamples = 5

    package init(source: Samples, target: Samples) {
        let samples = source.followed(by: target)
        // About the mean, so that the intercept does not hang on large offsets.
        let mean = samples.mean
        let minimum = LogisticNewton(samples, positives: source.count..<samples.count, mean: mean).minimum()
        weights = Array(minimum[..<samples.channels])
        intercept = minimum[samples.channels] - dot(weights, mean)
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
        heldOut(source: source, target: target, seed: seed).accuracy
    }

    /// A probe that is fitted to four fifths of the samples, and how well it tells the rest apart.
    /// - Parameter seed: Of the draw.
    static func heldOut(source: Samples, target: Samples, seed: UInt64) -> (probe: LogisticProbe, accuracy: Double) {
        func split(_ samples: Samples, _ seed: UInt64) -> (fitted: Samples, held: Samples) {
            var random = SeededGenerator(seed: seed)
            let order = (0..<samples.count).shuffled(using: &random)
            let held = max(1, samples.count / 5)
            return (samples[Array(order[held...])], samples[Array(order[..<held])])
        }
        let (source, target) = (split(source, seed), split(target, seed &+ 1))
        let probe = LogisticProbe(source: source.fitted, target: target.fitted)
        return (probe, probe.balancedAccuracy(source: source.held, target: target.held))
    }
}

/// Newton's method on the objective of a logistic probe; the last variable is the intercept.
private struct LogisticNewton {
    /// About the mean, `[count, width]`: the last column is 1, for the intercept.
    private let rows: [Double]
    private let count: Int
    private let width: Int
    private let positives: Range<Int>

    private static let maximumSteps = 100
    /// Relative to the gradient at the start; sums of some thousand terms round far below.
    private static let tolerance = 1e-10

    init(_ samples: Samples, positives: Range<Int>, mean: [Double]) {
        count = samples.count
        width = samples.channels + 1
        self.positives = positives
        var rows = [Double]()
        rows.reserveCapacity(count * width)
        samples.forEach { _, row in
            for j in row.indices { rows.append(row[j] - mean[j]) }
            rows.append(1)
        }
        self.rows = rows
    }

    func minimum() -> [Double] {
        var x = [Double](repeating: 0, count: width)
        var current = derivatives(at: x)
        let target = Self.tolerance * current.gradient.norm
        for _ in 0..<Self.maximumSteps where current.gradient.norm > target {
            guard let step = CholeskySolver.solve(current.hessian, current.gradient) else { break }
            let slope = dot(step, current.gradient)
            var length = 1.0
            var isBetter = false
            // Far from the minimum a whole step may go too far.
            for _ in 0..<40 {
                var next = x
                next.add(step, times: -length)
                let value = self.value(at: next)
                if value <= current.value - 1e-4 * length * slope {
                    x = next
                    isBetter = true
                    break
                }
                length /= 2
            }
            // No shorter step is better: as far as rounding lets one come.
            guard isBetter else { break }
            current = derivatives(at: x)
        }
        return x
    }

    /// Σ log(1 + exp(−margin)) without overflow, and the penalty.
    private func value(at x: [Double]) -> Double {
        var value = dot(x.dropLast(), x.dropLast()) / 2
        forEachRow { index, row in
            let score = dot(row, x)
            let margin = positives.contains(index) ? score : -score
            value += log1p(exp(-abs(margin))) + max(-margin, 0)
        }
        return value
    }

    /// - Returns: The value, the gradient, and the lower half of the second derivatives, `[width, width]` row-major.
    private func derivatives(at x: [Double]) -> (value: Double, gradient: [Double], hessian: [Double]) {
        var gradient = x
        gradient[width - 1] = 0
        var hessian = [Double](repeating: 0, count: width * width)
        for j in 0..<width - 1 { hessian[j * width + j] = 1 }
        gradient.withUnsafeMutableBufferPointer { gradient in
            hessian.withUnsafeMutableBufferPointer { hessian in
                forEachRow { index, row in
                    let score = dot(row, x)
                    let decay = exp(-abs(score))
                    let probability = score >= 0 ? 1 / (1 + decay) : decay / (1 + decay)
                    let residual = probability - (positives.contains(index) ? 1 : 0)
                    let curvature = probability * (1 - probability)
                    for j in 0..<width {
                        gradient[j] += residual * row[j]
                        let factor = curvature * row[j]
                        let line = hessian.baseAddress! + j * width
                        for k in 0...j { line[k] += factor * row[k] }
                    }
                }
            }
        }
        return (value(at: x), gradient, hessian)
    }

    private func forEachRow(_ body: (Int, UnsafeBufferPointer<Double>) -> Void) {
        rows.withUnsafeBufferPointer { rows in
            for index in 0..<count { body(index, UnsafeBufferPointer(rebasing: rows[index * width..<(index + 1) * width])) }
        }
    }
}

/// Solves symmetric positive definite systems by Cholesky's factors.
private enum CholeskySolver {
    /// - Parameter matrix: Its lower half, row-major.
    /// - Returns: nil where the matrix is not positive definite.
    static func solve(_ matrix: [Double], _ right: [Double]) -> [Double]? {
        let n = right.count
        var factor = matrix
        let isDefinite = factor.withUnsafeMutableBufferPointer { l in
            for j in 0..<n {
                for i in 0...j {
                    // Rows are contiguous: a product of two of them.
                    var sum = 0.0
                    for k in 0..<i { sum += l[j * n + k] * l[i * n + k] }
                    let rest = l[j * n + i] - sum
                    if i < j {
                        l[j * n + i] = rest / l[i * n + i]
                    } else {
                        guard rest > 0 else { return false }
                        l[j * n + j] = rest.squareRoot()
                    }
                }
            }
            return true
        }
        guard isDefinite else { return nil }
        var x = right
        for j in 0..<n {
            for k in 0..<j { x[j] -= factor[j * n + k] * x[k] }
            x[j] /= factor[j * n + j]
        }
        for j in (0..<n).reversed() {
            for k in j + 1..<max(n, j + 1) { x[j] -= factor[k * n + j] * x[k] }
            x[j] /= factor[j * n + j]
        }
        return x
    }
}
