import Benchmarks
import Testing

@Suite struct TimeStatisticsTests {
    /// The figures of numpy.quantile([4, 1, 3, 2, 10], [0.25, 0.5, 0.75]).
    @Test func quartilesAreThoseOfNumPy() {
        let statistics = TimeStatistics([4, 1, 3, 2, 10])
        #expect(statistics.runs == 5)
        #expect(statistics.lowerQuartile == 2)
        #expect(statistics.median == 3)
        #expect(statistics.upperQuartile == 4)
        #expect(statistics.fastest == 1 && statistics.slowest == 10)
        #expect(abs(statistics.spread - 2.0 / 3) < 1e-15)
    }

    /// The figures of numpy.quantile([1, 2, 4, 8], [0.25, 0.5, 0.75]), which lie between the times.
    @Test func quartilesLieBetweenTimes() {
        let statistics = TimeStatistics([8, 4, 2, 1])
        #expect(statistics.lowerQuartile == 1.75 && statistics.median == 3 && statistics.upperQuartile == 5)
    }

    @Test func oneTimeIsAllOfThem() {
        let statistics = TimeStatistics([0.25])
        #expect(statistics.median == 0.25 && statistics.lowerQuartile == 0.25 && statistics.upperQuartile == 0.25)
        #expect(statistics.spread == 0)
    }
}
