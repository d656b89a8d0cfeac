import Foundation
import Foundations

/// How many clusters samples have.
package enum ClusterCount {
    /// A cluster for at most so many samples: fewer say little of where its centre is.
    static let samplesPerCluster = 10
    /// The most samples that are looked at.
    private static let maximumSamples = 2000
    /// Counts that are tried beyond the best so far.
    private static let patience = 3

    /// The count that held-out samples bear out: mixtures of spherical normal distributions are fitted to four fifths of the samples, and of all counts
    /// whose likelihood of the rest is within a standard error of the best one's, the smallest is taken.
    /// - Parameter seed: Of the draw of what is held out.
    package static func chosen(_ samples: Samples, seed: UInt64) -> Int {
        let most = min(ClusterMap.limit, samples.count / samplesPerCluster)
        guard most > 1 else { return 1 }
        var random = SeededGenerator(seed: seed)
        let order = (0..<samples.count).shuffled(using: &random).prefix(maximumSamples)
        let held = order.count / 5
        return chosen(fitted: samples[Array(order[held...])], held: samples[Array(order[..<held])], most: most, seed: seed)
    }

    /// - Parameter most: The largest count that is tried.
    package static func chosen(fitted: Samples, held: Samples, most: Int, seed: UInt64) -> Int {
        var scores: [[Double]] = []
        var best = 0
        for count in 1...min(most, fitted.count) {
            let clusters = KMeans.best(fitted, count: count, restarts: KMeans.restarts, seed: seed &+ UInt64(count))
            // Fewer samples differ.
            guard clusters.count == count else { break }
            scores.append(SphericalMixture(fitted, from: clusters).logLikelihoods(held))
            if scores.last!.reduce(0, +) > scores[best].reduce(0, +) { best = count - 1 }
            if count - 1 - best >= patience { break }
        }
        return 1 + scores.firstIndex { isWithinError(scores[best], of: $0) }!
    }

    /// Whether the mean of a − b, sample by sample, is at most its standard error.
    private static func isWithinError(_ a: [Double], of b: [Double]) -> Bool {
        let differences = zip(a, b).map { $0 - $1 }
        let count = Double(differences.count)
        let mean = differences.reduce(0, +) / count
        guard differences.count > 1 else { return mean <= 0 }
        let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return mean <= (squares / (count - 1) / count).squareRoot()
    }
}

extension KMeans {
    /// Runs of which the best counts.
    static let restarts = 4
}
