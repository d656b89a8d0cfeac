import CPUBackend
import Foundation
import Tensors
import Testing

/// Fits, quantiles, AUROC and pooling against NumPy in Float64, rounded to f32 at the end; the samples come unsorted, so that the sort is
/// part of it. Both sides round once: one unit in the last place, 2⁻²³.
@Suite struct ReferenceFitTests {
    private let backend = ReferenceBackend()
    private static let cases = ["equal", "fewer", "more", "one_source", "one_target"]

    @Test(arguments: cases, ColumnFit.allCases)
    func fitsColumns(_ name: String, _ method: ColumnFit) throws {
        let fixture = try ReferenceFixture("fit")
        let source = try backend.sortColumns(fixture.tensor("\(name).source", on: backend))
        let target = try backend.sortColumns(fixture.tensor("\(name).target", on: backend))
        let fitted = try backend.readFloats(backend.fitColumns(source: source, target: target, method: method))
        // β = m_b − ω·m_a cancels, at worst from 10⁴: Float64's error of 53 sums of that size is below 10⁻¹⁰.
        let expected = try fixture.floats("\(name).\(method.rawValue)")
        #expect(firstMismatch(fitted, expected, relative: 0x1p-23, absolute: 1e-10) == nil)
    }

    @Test(arguments: cases)
    func interpolatesQuantiles(_ name: String) throws {
        let fixture = try ReferenceFixture("fit")
        let levels = try JSONDecoder().decode([Double].self, from: Data(#require(fixture.metadata["levels"]).utf8))
        let sorted = try backend.sortColumns(fixture.tensor("\(name).source", on: backend))
        let quantiles = try backend.readFloats(backend.quantileColumns(sorted, levels: levels.map(Float.init)))
        // A level as a Float is off by 2⁻²⁵ at most; times n − 1 ≤ 52 positions and a gap of at most the column's range.
        let (values, channels) = (try backend.readFloats(sorted), sorted.shape[1])
        let expected = try fixture.floats("\(name).quantiles")
        for channel in 0..<channels {
            let column = stride(from: channel, to: values.count, by: channels).map { values[$0] }
            let range = Double(column.last! - column.first!)
            let mismatch = firstMismatch(
                stride(from: channel, to: quantiles.count, by: channels).map { quantiles[$0] },
                stride(from: channel, to: expected.count, by: channels).map { expected[$0] },
                relative: 0x1p-23, absolute: 0x1p-25 * 52 * range)
            #expect(mismatch == nil, "column \(channel)")
        }
    }

    @Test(arguments: cases)
    func ranksColumns(_ name: String) throws {
        let fixture = try ReferenceFixture("fit")
        let source = try backend.sortColumns(fixture.tensor("\(name).source", on: backend))
        let target = try backend.sortColumns(fixture.tensor("\(name).target", on: backend))
        let auroc = try backend.readFloats(backend.aurocColumns(source: source, target: target))
        #expect(firstMismatch(auroc, try fixture.floats("\(name).auroc"), relative: 0x1p-23, absolute: 0) == nil)
    }

    @Test(arguments: Pooling.allCases)
    func pools(_ pooling: Pooling) throws {
        let fixture = try ReferenceFixture("fit")
        let counts = try fixture.tensor("pool.counts", on: backend)
        let pooled = try backend.pool(
            fixture.tensor("pool.x", on: backend), starts: fixture.tensor("pool.starts", on: backend), counts: counts,
            maximumCount: Int(#require(backend.readIntegers(counts).max())), pooling: pooling)
        let expected = try fixture.floats("pool.\(pooling.rawValue)")
        #expect(firstMismatch(try backend.readFloats(pooled), expected, relative: 0x1p-23, absolute: 1e-12) == nil)
    }
}
