import Foundation
import Foundations
import ModelFiles
import TestSupport
import Testing
import Transport

/// Clusters, plans and maps between clusters against scikit-learn, POT and NumPy (tools/parity/make_clusters.py).
@Suite struct ClusterTests {
    static let cases = ["apart", "near", "offset"]
    /// Shares of the mean cost, and what the fixture calls them.
    static let entropies: [(Double, String)] = [(0, "0"), (0.05, "0.05"), (1, "1")]

    private let file: SafetensorsFile

    init() throws { file = try SafetensorsFile(path: fixtures.appending(path: "clusters.safetensors").path) }

    private func floats(_ name: String) throws -> [Float] { try file.tensor(name).floats() }

    private func integers(_ name: String) throws -> [Int] {
        let tensor = try file.tensor(name)
        return (0..<tensor.shape.count).map { Int(tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
    }

    private func samples(_ name: String) throws -> Samples {
        let width = try file.tensor(name).shape[1]
        return Samples(try floats(name), width: width, columns: 0..<width)
    }

    private func clusters(_ name: String, _ side: String) throws -> KMeans {
        KMeans(try samples("\(name).\(side)"), from: try floats("\(name).\(side)Start").map(Double.init))
    }

    /// Numbers of one size: where all are within a share of the largest.
    private func largestError(_ found: [Double], _ expected: [Float]) -> Double {
        let size = expected.reduce(0) { max($0, abs(Double($1))) }
        return zip(found, expected).reduce(0) { max($0, abs($1.0 - Double($1.1))) } / size
    }

    @Test(arguments: cases) func lloydsClustersAgree(name: String) throws {
        for side in ["source", "target"] {
            let found = try clusters(name, side)
            #expect(try found.sizes == integers("\(name).\(side)Sizes"))
            // The fixture holds f32: 2⁻²⁴ of a centre.
            #expect(try largestError(found.centres, floats("\(name).\(side)Centres")) < 1e-6)
        }
    }

    @Test(arguments: cases) func mapsAgree(name: String) throws {
        let (source, target) = (try clusters(name, "source"), try clusters(name, "target"))
        let channels = source.centres.count / source.count
        let rows = try floats("\(name).x")
        for (entropy, key) in Self.entropies {
            let map = ClusterMap(source: source, target: target, entropy: entropy)
            let found = stride(from: 0, to: rows.count, by: channels).flatMap { first -> [Double] in
                let x = Array(rows[first..<first + channels])
                return zip(x, map(x)).map { Double($0) + 0.8 * ($1 - Double($0)) }
            }
            // Centres, weights and shifts of f32.
            #expect(try largestError(found, floats("\(name).moved.\(key)")) < 1e-5, "ε = \(key)")
        }
    }

    @Test(arguments: cases) func plansAgree(name: String) throws {
        let (source, target) = (try clusters(name, "source"), try clusters(name, "target"))
        let channels = source.centres.count / source.count
        let costs = (0..<source.count).flatMap { i in
            (0..<target.count).map { j in
                (0..<channels).reduce(0.0) {
                    let difference = source.centres[i * channels + $1] - target.centres[j * channels + $1]
                    return $0 + difference * difference
                }
            }
        }
        func shares(_ sizes: [Int]) -> [Double] { sizes.map { Double($0) / Double(sizes.reduce(0, +)) } }
        let (p, q) = (shares(source.sizes), shares(target.sizes))
        let mean = costs.enumerated().reduce(0) { $0 + p[$1.offset / q.count] * q[$1.offset % q.count] * $1.element }
        for (entropy, key) in Self.entropies {
            let plan =
                entropy == 0
                ? TransportPlan.cheapest(costs, from: source.sizes, to: target.sizes)
                : TransportPlan.entropic(costs, from: p, to: q, epsilon: entropy * mean)
            #expect(try largestError(plan.masses, floats("\(name).plan.\(key)")) < 1e-6, "ε = \(key)")
        }
    }

    /// Of equally cheap plans any will do: their cost is compared, and that they move everything.
    @Test(arguments: 0..<6) func cheapestPlansCostTheSame(number: Int) throws {
        let costs = try floats("plan.\(number).costs").map(Double.init)
        let (sizes, others) = (try integers("plan.\(number).sizes"), try integers("plan.\(number).otherSizes"))
        let plan = TransportPlan.cheapest(costs, from: sizes, to: others)
        let cost = zip(plan.masses, costs).reduce(0) { $0 + $1.0 * $1.1 }
        let expected = try Double(floats("plan.\(number).cheapest")[0])
        // f32 costs and f32 of the result.
        #expect(abs(cost - expected) <= 3e-7 * expected)
        let (all, allOthers) = (Double(sizes.reduce(0, +)), Double(others.reduce(0, +)))
        for (row, size) in sizes.enumerated() {
            let mass = plan.masses[row * others.count..<(row + 1) * others.count].reduce(0, +)
            let error = abs(mass - Double(size) / all)
            #expect(error < 1e-15)
        }
        for (column, size) in others.enumerated() {
            let mass = sizes.indices.reduce(0.0) { $0 + plan.masses[$1 * others.count + column] }
            let error = abs(mass - Double(size) / allOthers)
            #expect(error < 1e-15)
        }
        #expect(plan.masses.allSatisfy { $0 >= 0 })
    }

    @Test(arguments: ["one", "three", "five"]) func asManyClustersAsThereAre(name: String) throws {
        let (fitted, held) = (try samples("count.\(name).fitted"), try samples("count.\(name).held"))
        let expected = try floats("count.\(name).expected")
        for seed in 0..<5 as Range<UInt64> {
            #expect(ClusterCount.chosen(fitted: fitted, held: held, most: 10, seed: seed) == Int(expected[0]))
        }
        let mixture = SphericalMixture(fitted, from: KMeans.best(fitted, count: Int(expected[0]), restarts: 4, seed: 1))
        let likelihoods = mixture.logLikelihoods(held)
        let mean = likelihoods.reduce(0, +) / Double(likelihoods.count)
        // Both stop where a step gains less than 10⁻³.
        #expect(abs(mean - Double(expected[1])) < 1e-3)
    }

    /// A hundred draws about one centre, and about two that hardly differ: no number of samples says there are more than one.
    @Test func noMoreClustersThanSamplesBearOut() {
        var random = SeededGenerator(seed: 3)
        func normal() -> Float { (0..<12).reduce(-6) { sum, _ in sum + Float.random(in: 0..<1, using: &random) } }
        let one = Samples((0..<100 * 8).map { _ in normal() }, width: 8, columns: 0..<8)
        #expect(ClusterCount.chosen(one, seed: 0) == 1)
        let few = Samples((0..<19 * 8).map { normal() + ($0 < 80 ? 50 : 0) }, width: 8, columns: 0..<8)
        #expect(ClusterCount.chosen(few, seed: 0) == 1, "fewer than ten samples a cluster")
        let two = Samples((0..<40 * 8).map { normal() + ($0 < 160 ? 50 : 0) }, width: 8, columns: 0..<8)
        #expect(ClusterCount.chosen(two, seed: 0) == 2)
    }

    @Test func oneClusterIsTheMeanMap() throws {
        let map = ClusterMap(
            source: try samples("near.source"), target: try samples("near.target"), options: ClusterOptions(count: 1), seed: 0)
        let site = TransportMap.Site(name: "s", clusters: map)
        #expect(site.clusters == nil && site.map.omega.allSatisfy { $0 == 1 })
        let (a, b) = (try floats("near.source"), try floats("near.target"))
        for (channel, shift) in site.map.beta.enumerated() {
            func mean(_ values: [Float]) -> Double {
                let column = stride(from: channel, to: values.count, by: 37).map { Double(values[$0]) }
                return column.reduce(0, +) / Double(column.count)
            }
            #expect(abs(Double(shift) - (mean(b) - mean(a))) < 1e-6)
            #expect(site.map.low[channel] == -.infinity && site.map.high[channel] == .infinity)
        }
    }

    @Test func samplesThatCoincideAreOneCluster() {
        let samples = Samples([Float](repeating: 3, count: 20), width: 2, columns: 0..<2)
        let clusters = KMeans.best(samples, count: 4, restarts: 3, seed: 0)
        #expect(clusters.count == 1 && clusters.inertia == 0 && clusters.centres == [3, 3])
        // As many clusters as samples: the width comes from the distances between them, 4² / 8.
        let apart = Samples([0, 4, 20], width: 1, columns: 0..<1)
        let map = ClusterMap(source: apart, target: apart, options: ClusterOptions(count: 3, entropy: 0), seed: 0)
        #expect(map.bandwidth == Float(2).squareRoot() && map.shifts == [0, 0, 0])
    }

    @Test func aSeedSaysWhatComesOut() throws {
        let (source, target) = (try samples("near.source"), try samples("near.target"))
        func map(_ seed: UInt64) -> ClusterMap { ClusterMap(source: source, target: target, options: ClusterOptions(count: 6), seed: seed) }
        #expect(map(5) == map(5))
        #expect(map(5) != map(6))
    }

    @Test func theWayBackLeadsToTheCentres() {
        // So far apart for their width that a centre feels its own shift alone.
        let map = ClusterMap(centres: [0, 0, 100, 0, 0, 60], shifts: [5, 1, -3, 2, 0, -8], weights: [0.5, 0.2, 0.3], bandwidth: 2)
        let back = map.inverse
        for cluster in 0..<map.count {
            let centre = Array(map.centres[2 * cluster..<2 * cluster + 2])
            let there = map(centre).map { Float($0) }
            #expect(there == zip(centre, map.shifts[2 * cluster..<2 * cluster + 2]).map { $0 + $1 })
            #expect(back(there).map { Float($0) } == centre)
        }
        // Between clusters neither map is the other's inverse: the weights at the way's end are not those at its beginning.
        let middle: [Float] = [50, 1]
        #expect(back(map(middle).map { Float($0) }) != middle.map(Double.init))
        #expect(map.scaled(by: 0.5).shifts == map.shifts.map { $0 / 2 })
    }

    /// What a device computes from the probes are the weights by distance.
    @Test(arguments: cases) func probesAreDistances(name: String) throws {
        let map = ClusterMap(source: try clusters(name, "source"), target: try clusters(name, "target"), entropy: 0.05)
        let (vectors, intercepts) = map.probes
        let rows = try floats("\(name).x")
        for first in stride(from: 0, to: rows.count, by: map.channels) {
            let x = Array(rows[first..<first + map.channels])
            let scores = (0..<map.count).map { cluster in
                x.indices.reduce(Double(intercepts[cluster])) { $0 + Double(vectors[cluster * map.channels + $1]) * Double(x[$1]) }
            }
            let exponentials = scores.map { exp($0 - scores.max()!) }
            let total = exponentials.reduce(0, +)
            for (channel, y) in map(x).enumerated() {
                let shift = (0..<map.count).reduce(0.0) {
                    $0 + exponentials[$1] / total * Double(map.shifts[$1 * map.channels + channel])
                }
                let error = abs(Double(x[channel]) + shift - y)
                #expect(error < 1e-5 * max(1, abs(y)))
            }
        }
    }
}
