import CPUBackend
import Tensors
import Testing
import VulkanBackend

/// Fits of as many samples as are asked for, 65,536 a side: more than a loop of a software device may have iterations, and every kind of
/// pass of the sort.
@Suite struct ManySamplesTests {
    private static let channels = 3
    private static let sizes = [(65_536, 65_536), (65_536, 40_001), (1500, 65_536)]

    /// Uniform numbers in −1 ..< 1, from a multiplicative congruential sequence (Park & Miller 1988); columns of a spread of their own,
    /// the last with many ties.
    private static func samples(_ count: Int, seed: Int) -> [Float] {
        var state = seed
        return (0..<count * channels).map { index in
            state = state * 48_271 % 2_147_483_647
            let value = Float(state) / 1_073_741_824 - 1
            return index % channels == 2 ? (value * 50).rounded() / 50 : value * (index % channels == 1 ? 10 : 1) + 3
        }
    }

    @Test(arguments: sizes)
    func columnsAreFitted(sourceCount: Int, targetCount: Int) throws {
        let reference = ReferenceBackend()
        let source = Self.samples(sourceCount, seed: 12_345)
        let target = Self.samples(targetCount, seed: 54_321)
        let a = try reference.sortColumns(reference.upload(source, [sourceCount, Self.channels]))
        let b = try reference.sortColumns(reference.upload(target, [targetCount, Self.channels]))
        for family in try TestBackend.families() {
            let backend = try TestBackend.make(family: family)
            let sortedA = try backend.sortColumns(backend.upload(source, [sourceCount, Self.channels]))
            let sortedB = try backend.sortColumns(backend.upload(target, [targetCount, Self.channels]))
            #expect(try backend.readFloats(sortedA) == reference.readFloats(a), "\(family)")
            #expect(try backend.readFloats(sortedB) == reference.readFloats(b), "\(family)")

            // Counts are exact and rounded once; sums are as good as in Float64 to the last bits of the results.
            let auroc = try backend.readFloats(backend.aurocColumns(source: sortedA, target: sortedB))
            try expectClose(auroc, reference.readFloats(reference.aurocColumns(source: a, target: b)), 2, "\(family) AUROC")
            for method in ColumnFit.allCases {
                let fitted = try backend.readFloats(backend.fitColumns(source: sortedA, target: sortedB, method: method))
                let expected = try reference.readFloats(reference.fitColumns(source: a, target: b, method: method))
                try expectClose(fitted, expected, 8, "\(family) \(method)")
            }
            let levels: [Float] = [0, 0.005, 0.5, 0.98, 1]
            let quantiles = try backend.readFloats(backend.quantileColumns(sortedA, levels: levels))
            let expected = try reference.readFloats(reference.quantileColumns(a, levels: levels))
            try expectClose(quantiles, expected, 8, "\(family) quantiles")
        }
    }

    /// - Parameter units: The largest error in units in the last place of a number, or of 1 for small ones.
    private func expectClose(_ actual: [Float], _ expected: [Float], _ units: Float, _ what: String) throws {
        try #require(actual.count == expected.count)
        for (index, (a, b)) in zip(actual, expected).enumerated() {
            #expect(abs(a - b) <= units * max(abs(b), 1).ulp, "\(what), element \(index): \(a), expected \(b)")
        }
    }

    /// Every length around a power of two and a tile, in all orders that a network treats differently.
    @Test(arguments: [1, 2, 15, 16, 17, 64, 65, 256, 257, 511, 512, 513, 1024, 1025, 2047, 4097, 9000])
    func everyLengthIsSorted(samples: Int) throws {
        let channels = 9
        var x = Self.samples(samples * 3, seed: samples + 1).prefix(samples * channels).map { $0 }
        for sample in 0..<samples {
            // Ascending, descending, constant, alternating.
            x[sample * channels] = Float(sample)
            x[sample * channels + 1] = Float(-sample)
            x[sample * channels + 3] = 7
            x[sample * channels + 4] = Float(sample % 2)
        }
        let reference = ReferenceBackend()
        let expected = try reference.readFloats(reference.sortColumns(reference.upload(x, [samples, channels])))
        for family in try TestBackend.families() {
            let backend = try TestBackend.make(family: family)
            let sorted = try backend.readFloats(backend.sortColumns(backend.upload(x, [samples, channels])))
            #expect(sorted == expected, "\(family)")
        }
    }
}
