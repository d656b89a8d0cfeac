extension ClusterMap {
    /// The map between the clusters of two sets of samples.
    ///
    /// Clusters are those of k-means on each side, weighted by their samples; h² is the mean squared distance of source samples to their own centres, over
    /// all channels together. Where every sample lies at its centre, it is an eighth of the smallest squared distance between two centres: there the
    /// nearest cluster's weight is at least e⁴ times another's of the same size.
    ///
    /// - Parameters:
    ///   - source: `[n, channels]`, n ≥ 1.
    ///   - target: `[m, channels]`, m ≥ 1.
    ///   - seed: Of the centres that k-means begins with, and of what is held out where the count is chosen.
    package init(source: Samples, target: Samples, options: ClusterOptions, seed: UInt64) {
        let sides = [source, target].map { samples in
            KMeans.best(
                samples, count: options.count ?? ClusterCount.chosen(samples, seed: seed), restarts: KMeans.restarts, seed: seed)
        }
        self.init(source: sides[0], target: sides[1], entropy: options.entropy)
    }

    /// - Parameter entropy: ε as a share of the mean cost under independent marginals; 0 for the cheapest plan.
    package init(source: KMeans, target: KMeans, entropy: Double) {
        let channels = source.centres.count / source.count
        let costs = Self.squaredDistances(source.centres, target.centres, channels: channels)
        let p = source.sizes.map { Double($0) / Double(source.clusters.count) }
        let q = target.sizes.map { Double($0) / Double(target.clusters.count) }
        let meanCost = costs.enumerated().reduce(0) { $0 + p[$1.offset / q.count] * q[$1.offset % q.count] * $1.element }
        let plan =
            entropy > 0 && meanCost > 0
            ? TransportPlan.entropic(costs, from: p, to: q, epsilon: entropy * meanCost)
            : TransportPlan.cheapest(costs, from: source.sizes, to: target.sizes)
        var shifts = [Float]()
        for i in 0..<p.count {
            let row = plan.masses[i * q.count..<(i + 1) * q.count]
            let mass = row.reduce(0, +)
            for channel in 0..<channels {
                let mean = zip(row, 0...).reduce(0.0) { $0 + $1.0 * target.centres[$1.1 * channels + channel] } / mass
                shifts.append(Float(mean - source.centres[i * channels + channel]))
            }
        }
        var square = source.inertia / Double(source.clusters.count)
        if square == 0 {
            let between = Self.squaredDistances(source.centres, source.centres, channels: channels).filter { $0 > 0 }
            square = (between.min() ?? 8) / 8
        }
        self.init(
            centres: source.centres.map { Float($0) }, shifts: shifts, weights: p.map { Float($0) },
            bandwidth: max(Float(square.squareRoot()), .leastNormalMagnitude))
    }

    /// `[a's rows, b's rows]`, row-major.
    private static func squaredDistances(_ a: [Double], _ b: [Double], channels: Int) -> [Double] {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                (0..<a.count / channels).flatMap { i in
                    let row = UnsafeBufferPointer(rebasing: a[i * channels..<(i + 1) * channels])
                    return (0..<b.count / channels).map { squaredDistance(row, b, at: $0 * channels) }
                }
            }
        }
    }
}
