import Foundation
import ModelFiles
import Tensors
import Testing

/// What every path gives at the edges of numbers: infinities, equal values, long rows (tools/parity/make_edges.py).
@Suite struct NumericEdgeTests {
    private static func fixture() throws -> SafetensorsFile {
        try SafetensorsFile(
            path: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Fixtures/edges.safetensors").path)
    }

    private static func integers(_ name: String, _ file: SafetensorsFile) throws -> [Int32] {
        let tensor = try file.tensor(name)
        return withExtendedLifetime(tensor.owner) { Array(tensor.bytes.bindMemory(to: Int32.self)) }
    }

    /// Within 40 units of 2⁻²⁴ of the value (an activation is at most ten operations and an exponential), or what is below 2⁻¹¹⁹, which
    /// devices may flush; GELU's functions cancel in their lower tail, where 12 units of x are allowed. Limits and NaN are exact.
    private func isNear(_ value: Float, _ expected: Float, x: Float, _ activation: Activation) -> Bool {
        if expected.isNaN { return value.isNaN }
        if !x.isFinite { return value == expected }
        let tail = activation == .gelu || activation == .geluTanh ? 12 * abs(Double(x)) : 0
        return abs(Double(value) - Double(expected)) <= 0x1p-24 * (40 * abs(Double(expected)) + (x < 0 ? tail : 0)) + 0x1p-119
    }

    @Test func activationsHaveTheirLimits() throws {
        let file = try Self.fixture()
        let x = try file.tensor("activation.x").floats()
        for backend in try everyPath() {
            for activation in Activation.allCases {
                let expected = try file.tensor("activation.\(activation)").floats()
                let one = try backend.upload([Float](repeating: 1, count: x.count))
                let input = try backend.upload(x)
                let plain = try backend.readFloats(backend.activation(input, activation))
                let gated = try backend.readFloats(backend.gatedProduct(gate: input, up: one, activation: activation))
                // A product with a weight of 1 for each row, whose epilogue has the function.
                let product = try backend.readFloats(
                    backend.linear(
                        input.reshaped([x.count, 1]), weight: backend.upload([1], [1, 1]), epilogue: Epilogue(activation: activation)))
                for (place, values) in [("alone", plain), ("gated", gated), ("epilogue", product)] {
                    for index in x.indices where !isNear(values[index], expected[index], x: x[index], activation) {
                        Issue.record("\(backend.name): \(activation)(\(x[index])) \(place) is \(values[index]), not \(expected[index])")
                    }
                }
                let half = try backend.readFloats(
                    backend.activation(backend.upload([-Float.infinity, .infinity, .nan], [3], .f16), activation))
                #expect(half[0] == expected[0] && half[1] == expected[x.count - 2] && half[2].isNaN, "\(backend.name) \(activation) f16")
            }
        }
    }

    /// The capped scores of attention go through tanh, too.
    @Test func softCapOfInfiniteScores() throws {
        for backend in try everyPath() {
            // Scores of ±10⁴⁰ overflow f32 on kernels; the cap brings them to ±2.
            let query = try backend.upload([Float](repeating: 1e20, count: 8), [1, 1, 1, 8])
            let keys = try backend.upload((0..<16).map { $0 < 8 ? 1e20 : -1e20 }, [1, 2, 1, 8])
            let values = try backend.upload((0..<16).map { $0 < 8 ? 1 : 0 }, [1, 2, 1, 8])
            let result = try backend.readFloats(backend.attention(query, keys: keys, values: values, scale: 1, softCap: 2))
            let expected = 1 / (1 + exp(-4.0))
            #expect(result.allSatisfy { abs(Double($0) - expected) < 1e-6 }, "\(backend.name): \(result)")
        }
    }

    /// Equal values are their mean: what a norm leaves of them is its bias, whatever ε is and however many they are.
    @Test(arguments: [1, 3, 5, 64, 320, 1000, 5000])
    func normsOfEqualValues(channels: Int) throws {
        let rows: [Float] = [0.1, -3.3, 1234.567, 7e-5, 3e18, -2.5e38]
        let values = rows.flatMap { [Float](repeating: $0, count: channels) }
        let bias = (0..<channels).map { Float($0 % 7) - 2.5 }
        for backend in try everyPath() {
            for epsilon: Float in [1e-12, 1e-5, 1e-37] {
                let x = try backend.upload(values, [rows.count, channels])
                let plain = try backend.readFloats(backend.layerNorm(x, epsilon: epsilon))
                #expect(plain.allSatisfy { $0 == 0 }, "\(backend.name), layerNorm, ε \(epsilon)")
                let shifted = try backend.readFloats(backend.layerNorm(x, bias: backend.upload(bias), epsilon: epsilon))
                #expect(shifted == rows.flatMap { _ in bias }, "\(backend.name), layerNorm with bias, ε \(epsilon)")
                // Images of 3 × 7 pixels of one value each.
                let images = rows.flatMap { [Float](repeating: $0, count: 21 * channels) }
                let y = try backend.upload(images, [rows.count, 3, 7, channels])
                let grouped = try backend.readFloats(
                    backend.groupNorm(y, groups: channels % 4 == 0 ? 4 : 1, bias: backend.upload(bias), epsilon: epsilon))
                #expect(grouped == rows.flatMap { _ in (0..<21).flatMap { _ in bias } }, "\(backend.name), groupNorm, ε \(epsilon)")
                let zeros = try backend.upload([Float](repeating: 0, count: channels), [1, channels])
                let gain = try backend.upload(bias)
                #expect(try backend.readFloats(backend.rmsNorm(zeros, gain: gain, epsilon: epsilon)).allSatisfy { $0 == 0 })
            }
        }
    }

    /// 150,000 numbers, to 10⁻⁶ of each.
    @Test func longSoftmax() throws {
        let file = try Self.fixture()
        let x = (0..<150_000).map { Float($0 * 7919 % 4093) / 256 - 8 }
        let indices = try Self.integers("softmax.indices", file).map(Int.init)
        let expected = try file.tensor("softmax.output").floats()
        for backend in try everyPath() {
            let result = try backend.readFloats(backend.softmax(backend.upload(x, [1, x.count])))
            let worst = zip(indices, expected).map { abs(Double(result[$0]) - Double($1)) / Double($1) }.max()!
            #expect(worst <= 1e-6, "\(backend.name): \(worst)")
            #expect(abs(result.reduce(0.0) { $0 + Double($1) } - 1) < 1e-6, "\(backend.name)")
        }
    }

    /// NumPy's results, to the rounding of a mean; NaN wherever there is one.
    @Test func reductionsOverAnyAxis() throws {
        let file = try Self.fixture()
        let text = try #require(file.metadata["options"])
        let options = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String: Int]])
        #expect(options.count == 8)
        for backend in try everyPath() {
            for (name, option) in options {
                let axis = try #require(option["axis"])
                let x = try file.tensor("\(name).x")
                let input = try backend.upload(x.floats(), x.shape)
                for reduction in Reduction.allCases {
                    let expected = try file.tensor("\(name).\(reduction)").floats()
                    let result = try backend.reduce(input, reduction, axis: axis)
                    #expect(result.shape.dimensions == x.shape.dimensions.enumerated().filter { $0.offset != axis }.map(\.element))
                    // Sums of up to 3000 numbers of size 3 cancel; theirs are good to 2⁻²⁰ of one.
                    let near = zip(try backend.readFloats(result), expected).allSatisfy {
                        abs(Double($0) - Double($1)) <= 0x1p-22 * abs(Double($1)) + 0x1p-20
                    }
                    #expect(near, "\(backend.name): \(reduction) of \(name)")
                }
                let kept = try backend.reduce(input, .mean, axis: axis - x.shape.rank, keepsAxis: true, as: .f16)
                #expect(kept.dtype == .f16 && kept.shape.rank == x.shape.rank && kept.shape[axis] == 1)
            }
            let holed = try backend.upload([1, .nan, 3, -2, 5, 6], [2, 3])
            for reduction in Reduction.allCases {
                let result = try backend.readFloats(backend.reduce(holed, reduction, axis: 1))
                #expect(result[0].isNaN && !result[1].isNaN, "\(backend.name): \(reduction)")
            }
            // NaN and three numbers in one sequence, in either order.
            for values: [Float] in [[.nan, 1, 2, 3], [3, 2, 1, .nan]] {
                let x = try backend.upload(values, [4, 1])
                let (starts, counts) = (try backend.upload([0 as Int32]), try backend.upload([4 as Int32]))
                for pooling in [Pooling.max, .min, .mean] {
                    let pooled = try backend.pool(x, starts: starts, counts: counts, maximumCount: 4, pooling: pooling)
                    #expect(try backend.readFloats(pooled)[0].isNaN, "\(backend.name): \(pooling)")
                }
                let median = try backend.pool(x, starts: starts, counts: counts, maximumCount: 4, pooling: .median)
                #expect(try backend.readFloats(median) == [2.5], "\(backend.name): median")
            }
        }
    }

    @Test func selectionOverAnyAxesAndOfAnyNumber() throws {
        let file = try Self.fixture()
        let x = try file.tensor("argmax.x").floats()
        let many = try file.tensor("topK.x").floats()
        for backend in try everyPath() {
            for rank in 1...4 {
                let shape = Shape(Array([2, 3, 4, 50].suffix(rank)))
                let result = try backend.argmax(backend.upload(Array(x.prefix(shape.count)), shape))
                #expect(result.shape == Shape(Array(shape.dimensions.dropLast())))
                #expect(try backend.readIntegers(result) == Self.integers("argmax.\(rank)", file), "\(backend.name), rank \(rank)")
            }
            let (values, indices) = try backend.topK(backend.upload(many, [3, 1, 1500]), count: 700)
            #expect(values.shape == [3, 1, 700])
            #expect(try backend.readFloats(values) == file.tensor("topK.values").floats(), "\(backend.name)")
            #expect(try backend.readIntegers(indices) == Self.integers("topK.indices", file), "\(backend.name)")
        }
    }
}
