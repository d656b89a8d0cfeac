import Foundation
import Monge
import Testing
import Transport

/// Distances and histograms against SciPy and NumPy (tools/parity/make_distances.py).
@Suite struct DistanceTests {
    private struct Fixture: Decodable {
        struct Distance: Decodable { var a, b: [Float], first, secondSquared: Double }
        struct Bins: Decodable { var values: [Float], low, high: Double, bins: Int, edges: [Double], counts: [Int] }
        var distances: [Distance]
        var histograms: [Bins]
    }

    private let fixture: Fixture

    init() throws {
        fixture = try JSONDecoder().decode(
            Fixture.self, from: Data(contentsOf: TestModel.fixtures.appendingPathComponent("distances.json")))
    }

    /// Both compute in Float64 sums of at most 400 numbers; SciPy's are differences of cumulated shares, which near 1000 lose some digits.
    @Test func distancesAreSciPys() {
        for pair in fixture.distances {
            let size = (pair.a + pair.b).map { Double(abs($0)) }.max()!
            for distance in [
                WassersteinDistance(sorted: pair.a.sorted(), pair.b.sorted()),
                WassersteinDistance(sorted: pair.b.sorted(), pair.a.sorted()),
            ] {
                #expect(abs(distance.first - pair.first) <= 1e-12 * size, "\(pair.a.count), \(pair.b.count)")
                #expect(abs(distance.secondSquared - pair.secondSquared) <= 1e-12 * size * size, "\(pair.a.count), \(pair.b.count)")
            }
        }
    }

    @Test func histogramsAreNumPys() {
        for expected in fixture.histograms {
            let histogram = Histogram(from: expected.low, through: expected.high, bins: expected.bins)
            #expect(histogram.counts(expected.values) == expected.counts)
            for (edge, other) in zip(histogram.edges, expected.edges) { #expect(abs(edge - other) <= 1e-15 * max(1, abs(other))) }
        }
    }

    /// The mean way over a support against the sum over many points of it.
    @Test func meanShiftsAreSums() throws {
        let map = AffineMap(
            omega: [1, 0.5, 2, 0.25, 1, 3, 1], beta: [0.5, 0, -1, 4, 0, 1, 2], low: [-1, -2, 0, 1, -1, -.infinity, -.infinity],
            high: [1, 2, 3, 5, 1, 2, .infinity])
        for j in 0..<5 {
            let (low, high) = (Double(map.low[j]), Double(map.high[j]))
            let steps = 10_000
            let sum = (0..<steps).reduce(0.0) { sum, step in
                let x = low + (Double(step) + 0.5) / Double(steps) * (high - low)
                return sum + abs((Double(map.omega[j]) - 1) * x + Double(map.beta[j]))
            }
            let shift = try #require(map.meanShift(j))
            // The midpoint rule is exact but for the one step in which the line crosses zero.
            #expect(abs(shift - sum / Double(steps)) <= 1e-6, "neuron \(j)")
        }
        #expect(map.meanShift(5) == nil && map.meanShift(6) == 2)
    }
}
