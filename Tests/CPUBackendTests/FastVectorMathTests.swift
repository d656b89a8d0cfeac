import CPUBackend
import CSimd
import Foundation
import Tensors
import Testing

/// The exponential of every instruction set, and the kernels for rows of logits.
@Suite struct FastVectorMathTests {
    private static var kernels: [UnsafePointer<monge_kernels>] {
        [MONGE_PORTABLE, MONGE_AVX2, MONGE_AVX512].compactMap { monge_kernels_for($0) }
    }

    private func exponentials(_ kernels: UnsafePointer<monge_kernels>, _ x: [Float]) -> (values: [Float], sum: Double) {
        var values = [Float](repeating: 0, count: x.count)
        let sum = kernels.pointee.exponentials(x, x.count, 0, 1, &values)
        return (values, sum)
    }

    /// Within 2 ulp where results are normal numbers; where they are subnormal, within the spacing of those.
    @Test func exponentialsAreWithinTwoUlp() {
        let x = (-110_000...89_000).map { Float($0) * 0.001 + 0.000_37 }
        for kernels in Self.kernels {
            let (values, sum) = exponentials(kernels, x)
            var worst = 0.0
            for (x, value) in zip(x, values) {
                let expected = exp(Double(x))
                guard Float(expected).isFinite else {
                    #expect(value == .infinity)
                    continue
                }
                worst = max(worst, abs(Double(value) - expected) / Double(Float(expected).ulp))
            }
            #expect(worst <= 2, "\(String(cString: kernels.pointee.name))")
            #expect(sum == .infinity)
        }
    }

    /// The tokens that a draw can choose: weights with the same bits as ``SampleWeight`` on every instruction set, keys in the order of the logits,
    /// and what is left out weighs nothing.
    @Test(arguments: [0.01, 0.7, 1, 30, 0x1p-133] as [Float])
    func weightsOfTokensAreThoseOfEveryDevice(temperature: Float) {
        for kernels in Self.kernels {
            var numbers = SeededNumbers(seed: 21)
            for count in [1, 5, 16, 37, 4099] {
                var logits = numbers.floats(count).map { 12 * $0 }
                for index in stride(from: 3, to: count, by: 7) { logits[index] = [0, -0.0, -.infinity, 0x1p-140][index / 7 % 4] }
                let largest = logits.max()!
                var places = [Int32](repeating: 0, count: count)
                var (weights, keys) = ([UInt32](repeating: 0, count: count), [UInt32](repeating: 0, count: count))
                let found = kernels.pointee.sample_weights(logits, count, largest, 1 / temperature, &places, &weights, &keys)
                var rest = logits.map { SampleWeight.weight($0, largest: largest, inverseTemperature: 1 / temperature) }
                let kept = places[..<found].map(Int.init)
                #expect(found > 0 && kept == Set(kept).sorted())
                for (place, weight) in zip(kept, weights) {
                    #expect(weight == rest[place])
                    rest[place] = 0
                }
                #expect(rest.allSatisfy { $0 == 0 })
                let order = kept.indices.sorted { logits[kept[$0]] < logits[kept[$1]] }
                for (a, b) in zip(order, order.dropFirst()) {
                    #expect(logits[kept[a]] == logits[kept[b]] ? keys[a] == keys[b] : keys[a] < keys[b])
                }
                let least = kept.map { logits[$0] }.min()!
                #expect(Set(logits.indices).subtracting(kept).allSatisfy { logits[$0] < least })
            }
        }
    }

    @Test func exponentialsOfSpecialValues() {
        for kernels in Self.kernels {
            let (values, _) = exponentials(kernels, [0, -0.0, -.infinity, .infinity, .nan, -1000, 1000])
            #expect(values[0] == 1 && values[1] == 1 && values[2] == 0 && values[3] == .infinity)
            #expect(values[4].isNaN && values[5] == 0 && values[6] == .infinity)
        }
    }

    /// From 2⁶⁴ on, x² is infinite in f32.
    @Test func geluOfNumbersWhoseSquaresOverflow() {
        let x: [Float] = [.infinity, 3e19, .greatestFiniteMagnitude, -3e19, -.greatestFiniteMagnitude, .nan]
        var function = monge_function(kind: MONGE_FUNCTION_ACTIVATION, activation: MONGE_GELU, first: 0, second: 0)
        for kernels in Self.kernels {
            var values = [Float](repeating: -1, count: x.count)
            x.withUnsafeBufferPointer { x in
                let operands = [monge_operand(start: x.baseAddress, step: 1), monge_operand(), monge_operand()]
                kernels.pointee.elementwise(&function, false, operands, x.count, &values)
            }
            #expect(values[..<3] == x[..<3] && values[3] == 0 && values[4] == 0 && values[5].isNaN)
        }
    }

    /// The sum is better than f32: over a million equal terms an f32 sum would err by percents.
    @Test func sumsAreAccumulatedBeyondSinglePrecision() {
        let x = [Float](repeating: -2.3, count: 1_000_003)
        for kernels in Self.kernels {
            let (values, sum) = exponentials(kernels, x)
            // Sixteen terms a lane in f32 before f64, and four levels of lanes.
            #expect(abs(sum / (Double(values[0]) * 1_000_003) - 1) <= 20 * unitRoundOff)
        }
    }

    @Test(arguments: [1, 3, 16, 17, 100, 1000])
    func softmaxOfLogits(count: Int) {
        var numbers = SeededNumbers(seed: UInt64(count))
        let logits = numbers.floats(count).map { $0 * 20 }
        var probabilities = logits
        probabilities.withUnsafeMutableBufferPointer { VectorMath.softmax($0, temperature: 0.7) }
        let largest = Double(logits.max()!)
        let weights = logits.map { exp((Double($0) - largest) / 0.7) }
        let total = weights.reduce(0, +)
        for (actual, weight) in zip(probabilities, weights) {
            // The argument, at most 58 in magnitude, is rounded three times, the exponential errs by 2 ulp (4u), the factor and
            // the product by u each, the sum by 20u.
            let bound = weight / total * (3 * 58 + 4 + 2 + 20) * unitRoundOff + Double(Float.leastNonzeroMagnitude)
            #expect(abs(Double(actual) - weight / total) <= bound)
        }
        logits.withUnsafeBufferPointer { row in
            #expect(VectorMath.argmax(row) == logits.firstIndex(of: logits.max()!))
            #expect(VectorMath.maximum(row) == logits.max()!)
        }
    }

    @Test func argmaxTakesTheFirstAndPassesOverNaN() {
        for kernels in Self.kernels {
            for count in [1, 4, 15, 16, 40, 100] {
                for place in 0..<count {
                    var row = [Float](repeating: -.infinity, count: count)
                    for index in place..<count { row[index] = index % 3 == 0 ? .nan : 2 }
                    let expected = row.firstIndex(of: 2) ?? 0
                    #expect(kernels.pointee.argmax(row, count) == expected)
                }
            }
        }
    }
}
