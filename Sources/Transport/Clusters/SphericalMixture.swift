import Foundation

/// A mixture of normal distributions, each with one variance for all channels, by expectation and maximisation from the clusters of k-means.
///
/// It is scikit-learn's `GaussianMixture(covariance_type='spherical')` with its defaults, but that what is added to variances is relative to the samples'.
package struct SphericalMixture {
    /// The logarithms of the parts' weights.
    private var logWeights: [Double] = []
    /// `[parts, channels]`, row-major.
    private var centres: [Double] = []
    /// Of each part and channel.
    private var variances: [Double] = []
    private let channels: Int
    private let added: Double

    private static let maximumSteps = 100
    /// Of the mean logarithm of the likelihood from step to step.
    private static let tolerance = 1e-3
    private static let addedShare = 1e-6

    package init(_ samples: Samples, from clusters: KMeans) {
        channels = samples.channels
        let mean = samples.mean
        let total = mean.withUnsafeBufferPointer { mean in
            var sum = 0.0
            samples.forEach { sum += squaredDistance($1, mean, at: 0) }
            return sum
        }
        let variance = total / Double(samples.count * channels)
        added = variance > 0 ? Self.addedShare * variance : .leastNormalMagnitude.squareRoot()
        let count = clusters.count
        var shares = [Double](repeating: 0, count: samples.count * count)
        for (index, cluster) in clusters.clusters.enumerated() { shares[index * count + cluster] = 1 }
        maximise(samples, shares, count: count)
        var likelihood = -Double.infinity
        for _ in 0..<Self.maximumSteps {
            let logarithms = expect(samples, &shares)
            maximise(samples, shares, count: count)
            let mean = logarithms.reduce(0, +) / Double(samples.count)
            if abs(mean - likelihood) < Self.tolerance { break }
            likelihood = mean
        }
    }

    /// log p(x) of each sample.
    package func logLikelihoods(_ samples: Samples) -> [Double] {
        var shares = [Double](repeating: 0, count: samples.count * logWeights.count)
        return expect(samples, &shares)
    }

    /// - Parameter shares: Receives how much of each sample is of each part.
    /// - Returns: log p(x) of each sample.
    private func expect(_ samples: Samples, _ shares: inout [Double]) -> [Double] {
        let count = logWeights.count
        let constants = (0..<count).map { logWeights[$0] - Double(channels) / 2 * log(2 * .pi * variances[$0]) }
        var result = [Double](repeating: 0, count: samples.count)
        centres.withUnsafeBufferPointer { centres in
            samples.forEach { index, row in
                let scores = (0..<count).map {
                    constants[$0] - squaredDistance(row, centres, at: $0 * row.count) / (2 * variances[$0])
                }
                let highest = scores.max()!
                let total = scores.reduce(0) { $0 + exp($1 - highest) }
                result[index] = highest + log(total)
                for part in 0..<count { shares[index * count + part] = exp(scores[part] - result[index]) }
            }
        }
        return result
    }

    private mutating func maximise(_ samples: Samples, _ shares: [Double], count: Int) {
        var masses = [Double](repeating: 10 * .ulpOfOne, count: count)
        var sums = [Double](repeating: 0, count: count * channels)
        sums.withUnsafeMutableBufferPointer { sums in
            samples.forEach { index, row in
                for part in 0..<count where shares[index * count + part] > 0 {
                    let share = shares[index * count + part]
                    masses[part] += share
                    for channel in row.indices { sums[part * row.count + channel] += share * row[channel] }
                }
            }
        }
        centres = sums.indices.map { sums[$0] / masses[$0 / channels] }
        var squares = [Double](repeating: 0, count: count)
        centres.withUnsafeBufferPointer { centres in
            samples.forEach { index, row in
                for part in 0..<count where shares[index * count + part] > 0 {
                    squares[part] += shares[index * count + part] * squaredDistance(row, centres, at: part * row.count)
                }
            }
        }
        variances = (0..<count).map { squares[$0] / (masses[$0] * Double(channels)) + added }
        let total = masses.reduce(0, +)
        logWeights = masses.map { log($0 / total) }
    }
}
