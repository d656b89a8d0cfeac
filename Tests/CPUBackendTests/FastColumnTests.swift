import CPUBackend
import Tensors
import Testing

/// Sorting at the sizes where the algorithm changes and at the largest that is asked for.
@Suite struct FastColumnTests {
    /// Bits, with one NaN and one zero for all of them.
    private func canonical(_ x: Float) -> UInt32 { x.isNaN ? Float.nan.bitPattern : (x + 0).bitPattern }

    @Test(arguments: [1, 2, 47, 48, 49, 50, 1000, 65_536])
    func columnsAreSorted(samples: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(samples))
        let channels = samples > 10_000 ? 3 : 37
        var x = numbers.floats(samples * channels)
        // Few distinct values in one column, one value in another, and every kind of number in a third.
        let special: [Float] = [
            .nan, -.nan, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .greatestFiniteMagnitude, -1,
        ]
        for sample in 0..<samples {
            x[sample * channels] = (x[sample * channels] * 3).rounded()
            x[sample * channels + 1] = 5
            x[sample * channels + 2] = special[Int(numbers.next() % UInt64(special.count))]
        }
        let backend = try CPUBackend(threads: 3)
        let sorted = try backend.readFloats(backend.sortColumns(backend.upload(x, [samples, channels])))
        for channel in 0..<channels {
            let column = (0..<samples).map { x[$0 * channels + channel] }
            let expected = column.sorted { $0 < $1 || ($1.isNaN && !$0.isNaN) }
            let actual = (0..<samples).map { sorted[$0 * channels + channel] }
            #expect(actual.map(canonical) == expected.map(canonical))
        }
    }
}
