import Foundation
import Monge
import Testing

/// Intervals and tests against SciPy, diversity against NLTK (tools/parity/make_statistics.py).
@Suite struct StatisticsTests {
    private struct Fixture: Decodable {
        struct Share: Decodable { var successes, count: Int, lower, upper: Double }
        struct Paired: Decodable { var differences: [Double], p, lower, upper: Double }
        struct Texts: Decodable { var texts: [[String]], selfBLEU: Double, distinct, repeated: [Double] }
        var wilson: [Share]
        var paired: [Paired]
        var diversity: [Texts]
    }

    private let fixture: Fixture

    init() throws {
        fixture = try JSONDecoder().decode(
            Fixture.self, from: Data(contentsOf: TestModel.fixtures.appendingPathComponent("statistics.json")))
    }

    /// Both compute in Float64; the sums are of at most 1150 numbers.
    private let tolerance = 1e-9

    @Test func wilsonsIntervalIsSciPys() {
        for share in fixture.wilson {
            let interval = ConfidenceInterval.wilson(successes: share.successes, of: share.count)
            #expect(abs(interval.lower - share.lower) < tolerance && abs(interval.upper - share.upper) < tolerance, "\(share)")
        }
    }

    @Test func studentsTestIsSciPys() throws {
        for paired in fixture.paired {
            let test = try #require(PairedTest(paired.differences))
            #expect(abs(test.p - paired.p) < tolerance * max(paired.p, 1e-6) + 1e-15, "\(test.p), expected \(paired.p)")
            let scale = max(abs(paired.lower), abs(paired.upper))
            #expect(
                abs(test.interval.lower - paired.lower) < tolerance * scale && abs(test.interval.upper - paired.upper) < tolerance * scale)
        }
        #expect(PairedTest([1]) == nil)
        #expect(try #require(PairedTest([2, 2, 2])).p == 0 && #require(PairedTest([0, 0])).p == 1)
    }

    @Test func diversityIsNLTKs() {
        for texts in fixture.diversity {
            let diversity = Diversity(words: texts.texts)
            #expect(abs(diversity.selfBLEU - texts.selfBLEU) < tolerance, "\(diversity.selfBLEU), expected \(texts.selfBLEU)")
            for n in 1...4 {
                #expect(abs(diversity.distinct(n) - texts.distinct[n - 1]) < tolerance)
                #expect(abs(diversity.repeated(n) - texts.repeated[n - 1]) < tolerance)
            }
        }
    }

    @Test func wordsAreCutWhereReadersCutThem() {
        #expect(Diversity.words("Don't stop—well-known,  OK?\n") == ["don't", "stop", "—", "well-known", ",", "ok", "?"])
        #expect(Diversity.words("") == [] && Diversity([""]).distinct(1) == 0 && Diversity(["", ""]).selfBLEU == 0)
    }

    /// The bootstrap covers what the t interval does where both hold: a mean of many numbers.
    @Test func bootstrapAgreesWithStudent() throws {
        let values = try #require(fixture.paired.max { $0.differences.count < $1.differences.count })
        let interval = try #require(ConfidenceInterval.bootstrapMean(values.differences))
        // Quantiles of 2000 draws waver by about 0.03 of the interval's half width; five times that.
        let half = (values.upper - values.lower) / 2
        #expect(abs(interval.lower - values.lower) < 0.15 * half && abs(interval.upper - values.upper) < 0.15 * half)
        #expect(interval == ConfidenceInterval.bootstrapMean(values.differences), "the same numbers each time")
    }

    @Test func effectsAreReadAtEqualCost() throws {
        func points(_ values: (Double, Double, Double)...) -> [EqualCostTable.Point] {
            values.map { EqualCostTable.Point(strength: $0.0, cost: $0.1, effect: $0.2) }
        }
        let straight = points((0, 0, 0.4), (0.5, 0.1, 0.2), (1, 0.3, 0.1))
        let cell = try #require(EqualCostTable.cell("a", straight, budget: 0.2))
        #expect(cell.isReached && abs(cell.strength - 0.75) < 1e-12 && abs(cell.effect - 0.15) < 1e-12 && cell.cost == 0.2)
        let small = try #require(EqualCostTable.cell("a", straight, budget: 0.05))
        #expect(abs(small.strength - 0.25) < 1e-12 && abs(small.effect - 0.3) < 1e-12)
        let far = try #require(EqualCostTable.cell("a", straight, budget: 0.5))
        #expect(!far.isReached && far.strength == 1 && far.effect == 0.1 && far.cost == 0.3)
        // A cost that falls first, and is then crossed.
        let dip = try #require(EqualCostTable.cell("a", points((0, 0, 0), (0.5, -0.1, 1), (1, 0.1, 2)), budget: 0.05))
        #expect(abs(dip.strength - 0.875) < 1e-12 && abs(dip.effect - 1.75) < 1e-12)
    }

    @Test func tablesCompareSeriesAtTheCostsOfAll() {
        func row(_ series: String, _ strength: Float, _ cost: Double, _ effect: Double) -> EvaluationRow {
            EvaluationRow(
                series: series, strength: strength,
                metrics: [EvaluationMetric("cost", cost, .change, .cost), EvaluationMetric("toxic", effect, .share, .effect)])
        }
        let rows = [row("unsteered", 0, 0, 0.5), row("a", -1, 0.2, 0.7), row("a", 1, 0.2, 0.1), row("b", 1, 0.04, 0.4)]
        let tables = EqualCostTable.tables(rows, series: ["a", "b"])
        #expect(tables.map(\.budget) == EqualCostTable.budgets)
        let tenth = tables[2].cells
        #expect(tenth.map(\.series) == ["a", "a", "b"] && tenth.map(\.isReached) == [true, true, false])
        #expect(abs(tenth[0].effect - 0.3) < 1e-12 && abs(tenth[1].effect - 0.6) < 1e-12 && tenth[1].strength == -0.5)
        #expect(EqualCostTable.tables(Array(rows.dropFirst()), series: ["a"]).isEmpty)
        #expect(EvaluationTable(equalCost: tables)?.rows.map { $0[1] } == ["a", "a (λ < 0)", "b"])
    }
}
