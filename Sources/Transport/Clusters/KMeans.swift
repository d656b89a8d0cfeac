import Dispatch
import Foundation
import Foundations
import Synchronization

/// Clusters of samples by Lloyd's algorithm (Lloyd 1982) from seeds by greedy k-means++ (Arthur & Vassilvitskii 2007).
package struct KMeans: Sendable {
    /// `[K, channels]`, row-major.
    package private(set) var centres: [Double]
    /// The cluster of each sample.
    package private(set) var clusters: [Int]
    /// ‖x − a‖² of each sample x and its centre a.
    private(set) var distances: [Double]
    private let channels: Int

    package var count: Int { centres.count / channels }
    /// How many samples each cluster has.
    package var sizes: [Int] {
        var sizes = [Int](repeating: 0, count: count)
        for cluster in clusters { sizes[cluster] += 1 }
        return sizes
    }
    /// The sum of ‖x − a‖² over all samples.
    package var inertia: Double { distances.reduce(0, +) }

    private static let maximumSteps = 300

    /// Goes on from the given centres until no sample changes its cluster; where several centres are equally near, the first counts. A centre without
    /// samples goes to the sample that is farthest from its own; where all samples lie at centres it is dropped.
    package init(_ samples: Samples, from centres: [Double]) {
        self.centres = centres
        channels = samples.channels
        clusters = [Int](repeating: -1, count: samples.count)
        distances = [Double](repeating: 0, count: samples.count)
        for _ in 0..<Self.maximumSteps {
            guard assign(samples) else { break }
            move(samples)
        }
        // Distances are those to the centres as they are now.
        _ = assign(samples)
        let used = sizes.indices.filter { sizes[$0] > 0 }
        self.centres = used.flatMap { self.centres[$0 * channels..<($0 + 1) * channels] }
        clusters = clusters.map { used.firstIndex(of: $0)! }
    }

    /// The best of several runs from seeds of their own.
    /// - Parameter count: The clusters, at least 1; there are fewer where fewer samples differ.
    package static func best(_ samples: Samples, count: Int, restarts: Int, seed: UInt64) -> KMeans {
        let count = min(count, samples.count)
        let restarts = count == 1 ? 1 : restarts
        let runs = Mutex([KMeans?](repeating: nil, count: restarts))
        DispatchQueue.concurrentPerform(iterations: restarts) { index in
            // Runs that begin alike wherever they run.
            var random = SeededGenerator(seed: seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
            let run = KMeans(samples, from: seeds(samples, count: count, using: &random))
            runs.withLock { $0[index] = run }
        }
        return runs.withLock { $0 }.compactMap { $0 }.min { $0.inertia < $1.inertia }!
    }

    /// - Returns: Whether a sample has changed its cluster.
    private mutating func assign(_ samples: Samples) -> Bool {
        var changed = false
        samples.forEach { index, row in
            var (best, nearest) = (Double.infinity, 0)
            centres.withUnsafeBufferPointer { centres in
                for cluster in 0..<centres.count / row.count {
                    let distance = squaredDistance(row, centres, at: cluster * row.count)
                    if distance < best { (best, nearest) = (distance, cluster) }
                }
            }
            if clusters[index] != nearest { changed = true }
            (clusters[index], distances[index]) = (nearest, best)
        }
        return changed
    }

    private mutating func move(_ samples: Samples) {
        var sums = [Double](repeating: 0, count: centres.count)
        sums.withUnsafeMutableBufferPointer { sums in
            samples.forEach { index, row in
                let first = clusters[index] * row.count
                for channel in row.indices { sums[first + channel] += row[channel] }
            }
        }
        for (cluster, size) in sizes.enumerated() {
            let range = cluster * channels..<(cluster + 1) * channels
            if size > 0 {
                for index in range { centres[index] = sums[index] / Double(size) }
            } else if let farthest = distances.indices.max(by: { distances[$0] < distances[$1] }), distances[farthest] > 0 {
                centres.replaceSubrange(range, with: samples.row(farthest))
                distances[farthest] = 0
            }
        }
    }

    /// Of a few samples drawn by their squared distance to the nearest seed so far, each next seed is the one that leaves the least inertia.
    private static func seeds(_ samples: Samples, count: Int, using random: inout SeededGenerator) -> [Double] {
        var centres = samples.row(Int.random(in: 0..<samples.count, using: &random))
        func nearest(_ row: [Double], than known: [Double]) -> [Double] {
            var result = known
            row.withUnsafeBufferPointer { row in
                samples.forEach { result[$0] = min(result[$0], squaredDistance($1, row, at: 0)) }
            }
            return result
        }
        var distances = nearest(centres, than: [Double](repeating: .infinity, count: samples.count))
        let trials = 2 + Int(log(Double(count)))
        for _ in 1..<max(count, 1) {
            let total = distances.reduce(0, +)
            // All samples are seeds: there are no more that differ.
            guard total > 0 else { break }
            let candidates = (0..<trials).map { _ -> (row: [Double], distances: [Double]) in
                var rest = Double.random(in: 0..<total, using: &random)
                let drawn = distances.firstIndex {
                    rest -= $0
                    return rest < 0
                }
                let row = samples.row(drawn ?? distances.indices.max { distances[$0] < distances[$1] }!)
                return (row, nearest(row, than: distances))
            }
            let best = candidates.min { $0.distances.reduce(0, +) < $1.distances.reduce(0, +) }!
            centres += best.row
            distances = best.distances
        }
        return centres
    }
}

/// ‖row − others[first...]‖².
func squaredDistance(_ row: UnsafeBufferPointer<Double>, _ others: UnsafeBufferPointer<Double>, at first: Int) -> Double {
    // Eight sums, so that additions do not wait for one another.
    var sums = SIMD8<Double>.zero
    let whole = row.count & ~7
    let (a, b) = (UnsafeRawPointer(row.baseAddress!), UnsafeRawPointer(others.baseAddress! + first))
    for index in stride(from: 0, to: whole, by: 8) {
        let difference =
            a.loadUnaligned(fromByteOffset: 8 * index, as: SIMD8<Double>.self)
            - b.loadUnaligned(fromByteOffset: 8 * index, as: SIMD8<Double>.self)
        sums += difference * difference
    }
    var sum = sums.sum()
    for index in whole..<row.count {
        let difference = row[index] - others[first + index]
        sum += difference * difference
    }
    return sum
}
