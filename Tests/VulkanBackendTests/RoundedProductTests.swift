import CPUBackend
import CrossCheck
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// Products of few rows with activations rounded to integers (``ProductPrecision/fast``), in checked kernels under the validation layer.
@Suite struct RoundedProductTests {
    private static let types = DType.allCases.filter { $0.isQuantised && $0.isWeight }

    private func fast(_ choice: MatrixChoice = .only(.scalar), family: KernelFamily = .tiles) throws -> VulkanBackend {
        try TestBackend.make(family: family, matrix: MatrixOptions(choice, precision: .fast))
    }

    /// Random shapes, types, epilogues and maps: against a reference that rounds alike, and against exact products.
    @Test(arguments: [("linear", 66), ("linears", 44), ("gatedLinear", 44), ("conv2d", 40)])
    func operationAgreesWithBothReferences(name: String, cases: Int) throws {
        let operation = try #require(CrossCheck.operations.first { $0.name == name })
        let backend = try fast()
        #expect(operation.referencePrecisions(for: backend) == [.fast, .exact])
        for precision in operation.referencePrecisions(for: backend) {
            let report = try CrossCheck.run(
                operation: operation, cases: cases, seed: 21, candidate: backend, reference: ReferenceBackend(precision: precision))
            #expect(report.cases == cases)
            for failure in report.failures { Issue.record("\(precision): \(failure)") }
        }
        #expect(backend.device.validationMessages == [])
    }

    /// What a product adds up, and how far its f32 sums may lie from it: K/16 sums at most and eight roundings of each term, of which none is
    /// larger than |x| times the largest weight and the largest minimum.
    private func check(
        _ result: [Float], _ expected: [Float], x: [Float], rows: Int, _ dtype: DType, _ what: String
    ) throws {
        let largest = try #require(Self.largest[dtype]) * Self.scale
        let channels = x.count / rows
        let outputs = result.count / rows
        #expect(result.count == expected.count)
        for row in 0..<rows {
            let size = x[row * channels..<(row + 1) * channels].reduce(0) { $0 + abs(Double($1)) } * largest
            let bound = Double(channels / 16 + 8) * 0x1p-24 * size
            let wrong = (row * outputs..<(row + 1) * outputs).first { !(abs(Double(result[$0]) - Double(expected[$0])) <= bound) }
            #expect(wrong == nil, "\(what): row \(row)")
        }
    }

    /// The largest integers that are multiplied with the scale of a block, minima and biases among them, and the largest scale of
    /// ``MatrixCheckInputs``.
    private static let largest: [DType: Double] = [
        .q4_0: 15, .q4_1: 16, .q5_0: 31, .q5_1: 32, .q8_0: 128, .q4_K: 63 * 16, .q5_K: 63 * 32, .q6_K: 128 * 63,
    ]
    private static let scale = 0x1p-6

    /// Rows up to those of the kernels, in tiles of one, four and eight and with some left over; channels of one section and of several, of which
    /// the last is not whole.
    @Test(arguments: types)
    func everyNumberOfRowsAndSections(dtype: DType) throws {
        let (backend, reference) = (try fast(), ReferenceBackend(precision: .fast))
        var generator = CheckGenerator(seed: 22)
        let outputs = 37
        for (rows, channels) in [(1, 4352), (2, 1792), (3, 256), (4, 1280), (5, 768), (8, 1280), (9, 512), (16, 768)] {
            #expect(backend.roundsActivations(rows: rows, channels: channels, weight: dtype))
            let x = (0..<rows * channels).map { _ in Float.random(in: -3...3, using: &generator) }
            var inputs = MatrixCheckInputs()
            let bytes = inputs.weights(rows: outputs, columns: channels, dtype)
            func product(_ backend: any Backend) throws -> [Float] {
                try backend.readFloats(
                    backend.linear(backend.upload(x, [rows, channels]), weight: backend.upload(bytes, [outputs, channels], dtype)))
            }
            try check(product(backend), product(reference), x: x, rows: rows, dtype, "[\(rows), \(channels)]")
        }
        #expect(backend.device.validationMessages == [])
    }

    /// The second of two weights meets what the first has met: from shared memory where all channels are there, else rounded again.
    @Test(arguments: [(1, 512), (1, 4352), (6, 1280)])
    func bothFactorsOfAGatedProductMeetTheSame(rows: Int, channels: Int) throws {
        let (backend, reference) = (try fast(), ReferenceBackend(precision: .fast))
        var generator = CheckGenerator(seed: 23)
        let x = (0..<rows * channels).map { _ in Float.random(in: -3...3, using: &generator) }
        var inputs = MatrixCheckInputs()
        // Gates and products of several work-groups.
        let outputs = 150
        let (gate, up) = (
            inputs.weights(rows: outputs, columns: channels, .q4_0), inputs.weights(rows: outputs, columns: channels, .q4_0)
        )
        let tensor = try backend.upload(x, [rows, channels])
        let weights = try [gate, up].map { LinearFactor(weight: try backend.upload($0, [outputs, channels], .q4_0)) }
        let one = LinearFactor(weight: try backend.upload(gate, [outputs, channels], .q4_0))
        try backend.stream.startProfiling(serialised: true)
        let gated = try backend.readFloats(backend.gatedLinear(tensor, gate: weights[0], up: weights[1], activation: .identity))
        let separate = try backend.linears(tensor, weights + [one]).map { try backend.readFloats($0) }
        #expect(try backend.stream.endProfiling().map(\.kernel).allSatisfy { $0.contains("roundedGroup-q4_0") })
        #expect(gated == zip(separate[0], separate[1]).map { $0 * $1 })
        #expect(separate[2] == separate[0])
        for (result, bytes) in zip(separate, [gate, up]) {
            let expected = try reference.readFloats(
                reference.linear(
                    reference.upload(x, [rows, channels]), weight: reference.upload(bytes, [outputs, channels], .q4_0)))
            try check(result, expected, x: x, rows: rows, .q4_0, "[\(rows), \(channels)]")
        }
        #expect(backend.device.validationMessages == [])
    }

    /// Weights with one 1 in each row give what each element stands for, to the last bit: the scale and the integer are those of the reference,
    /// whatever a device makes of a quotient.
    @Test(arguments: [DType.f32, .f16])
    func everyElementIsRoundedAsTheReferenceRounds(type: DType) throws {
        let (rows, channels, block) = (16, 512, RoundedActivations.blockElements)
        let backend = try fast()
        let weight = try backend.upload(Self.unit(channels), [channels, channels], .q8_0)
        var generator = CheckGenerator(seed: 24)
        for round in 0..<6 {
            var x: [Float] = []
            for index in 0..<rows * channels / block {
                let largest = Self.largestNumber(round * rows * channels / block + index, type, &generator)
                x += (0..<block).map { _ in largest * Float.random(in: -1...1, using: &generator) }
                x[x.count - 1 - index % block] = index % 2 == 0 ? largest : -largest
                // A tie, or nearly one.
                let tie = (Float(Int.random(in: -32000...32000, using: &generator)) + 0.5) * (largest / 32512)
                x[x.count - 1 - (index + 7) % block] = tie
            }
            if type == .f16 { x = x.map { Float(Float16($0)) } }
            var expected: [Float] = []
            for first in stride(from: 0, to: x.count, by: block) {
                var values = [Double](repeating: .nan, count: block)
                x[first..<first + block].withUnsafeBufferPointer { RoundedActivations.round($0, into: &values) }
                expected += values.map { Float($0) }
            }
            let operand =
                type == .f16 ? try backend.upload(x.map { Float16($0) }, [rows, channels], .f16) : try backend.upload(x, [rows, channels])
            let result = try backend.readFloats(backend.linear(operand, weight: weight, as: .f32))
            let wrong = result.indices.first { result[$0] != expected[$0] }
            #expect(wrong == nil, "\(wrong.map { "\(x[$0]) is \(result[$0]) and not \(expected[$0])" } ?? "")")
        }
        #expect(backend.device.validationMessages == [])
    }

    /// Edges of the quotients by 127 (``RoundedActivations``) and of the numbers themselves, powers of two, then anything.
    private static func largestNumber(_ index: Int, _ type: DType, _ generator: inout CheckGenerator) -> Float {
        let edges: [UInt32] = [0x7E0000, 0x7DFFFF, 0x7E0001, 0, 1, 0x7FFFFF, 0x7FFFFE, 0x400000]
        let bits = index < 64 ? edges[index % 8] : UInt32.random(in: 0...0x7FFFFF, using: &generator)
        if type == .f16 { return Float(Float16(bitPattern: UInt16.random(in: 1...0x7BFF, using: &generator))) }
        // From 2⁻¹⁰⁰ on blocks have a scale; those up to 2⁻¹⁰⁷ count as zeros.
        let exponents: [UInt32] = [27, 28, 253, 254, 127, 20, 26, 151]
        let exponent = index < 64 ? exponents[index / 8] : UInt32.random(in: 20...254, using: &generator)
        return Float(bitPattern: exponent << 23 | bits)
    }

    /// q8_0: a scale of 1, and a 1 where the row is the channel.
    private static func unit(_ channels: Int) -> [UInt8] {
        (0..<channels).flatMap { row in
            (0..<channels / 32).flatMap { block -> [UInt8] in
                [0, 0x3C] + (0..<32).map { 32 * block + $0 == row ? 1 : 0 }
            }
        }
    }

    /// A block with a number that is not finite makes its row NaN and no other; numbers too small for a scale count as zeros.
    @Test(arguments: [Float.nan, -.nan, .infinity, -.infinity, 1e-35])
    func specialNumbers(special: Float) throws {
        let backend = try fast()
        let weight = try backend.upload(Self.unit(64), [64, 64], .q8_0)
        var generator = CheckGenerator(seed: 25)
        var x = (0..<3 * 64).map { _ in Float.random(in: -1...1, using: &generator) }
        func product() throws -> [UInt32] { try bits(backend.linear(backend.upload(x, [3, 64]), weight: weight), on: backend) }
        let before = try product()
        for index in 64..<128 { x[index] = 0 }
        for place in [70, 90, 127] {
            var changed = x
            changed[place] = special
            swap(&x, &changed)
            let after = try product()
            swap(&x, &changed)
            #expect(after[..<64] == before[..<64] && after[128...] == before[128...])
            #expect(after[64..<128].map(Float.init(bitPattern:)).allSatisfy { special.isFinite ? $0 == 0 : $0.isNaN })
        }
    }

    /// Few rows of whole pairs of chunks, quantised weights, kernels of graphics processors; with tensor cores, the rows that these leave.
    @Test func rowsAndTypesChooseTheKernel() throws {
        for (choice, rows, channels, dtype, rounds) in [
            (MatrixChoice.only(.scalar), 1, 256, DType.q4_K, true), (.only(.scalar), 16, 64, .q8_0, true),
            (.only(.scalar), 17, 64, .q8_0, false), (.only(.scalar), 1, 96, .q8_0, false), (.only(.scalar), 1, 64, .f16, false),
            (.only(.emulated), 8, 64, .q8_0, true), (.only(.emulated), 9, 64, .q8_0, false),
        ] {
            let backend = try fast(choice)
            #expect(backend.roundsActivations(rows: rows, channels: channels, weight: dtype) == rounds)
            let x = try backend.upload([Float](repeating: 1, count: rows * channels), [rows, channels])
            let weight = try backend.allocate([24, channels], dtype)
            try backend.stream.startProfiling(serialised: true)
            _ = try backend.linear(x, weight: weight)
            let kernels = try backend.stream.endProfiling().map(\.kernel)
            #expect(kernels.contains { $0.hasPrefix("linear/rounded") } == rounds, "\(rows) × \(channels), \(dtype): \(kernels)")
        }
        #expect(try fast().precision == .fast)
        let exact = try TestBackend.make(family: .tiles)
        #expect(exact.precision == .exact && !exact.roundsActivations(rows: 1, channels: 256, weight: .q4_0))
        for family in try TestBackend.families() where family == .lanes { #expect(try fast(family: family).precision == .exact) }
    }

    /// Instructions for products of bytes are what pays; software has none, and is there to check the kernels.
    @Test func devicesThatMultiplyBytes() {
        func report(_ kind: DeviceReport.Kind, _ features: Set<DeviceFeature>) -> DeviceReport {
            DeviceReport(index: 0, name: "a device", kind: kind, features: DeviceFeature.required.union(features))
        }
        let accelerated: Set<DeviceFeature> = [.shaderIntegerDotProduct, .integerDotProduct4x8BitPackedSignedAccelerated]
        #expect(VulkanBackend.multipliesBytes(report(.discrete, accelerated)))
        #expect(!VulkanBackend.multipliesBytes(report(.discrete, [.shaderIntegerDotProduct])))
        #expect(!VulkanBackend.multipliesBytes(report(.discrete, [.integerDotProduct4x8BitPackedSignedAccelerated])))
        #expect(VulkanBackend.multipliesBytes(report(.cpu, [.shaderIntegerDotProduct])))
        #expect(!VulkanBackend.multipliesBytes(report(.cpu, [])))
    }
}
