import CPUBackend
import Tensors
import Testing

/// Products of quantised weights with activations rounded to 16 bits.
@Suite struct RoundedProductTests {
    private static let quantised = DType.allCases.filter { $0.isQuantised && $0.isWeight }

    private func product(_ backend: CPUBackend, _ x: ArraySlice<Float>, _ weight: Tensor) throws -> [UInt32] {
        let inputs = weight.shape[1]
        let y = try backend.linear(backend.upload(Array(x), [x.count / inputs, inputs]), weight: weight)
        return try backend.readFloats(y).map(\.bitPattern)
    }

    /// Instruction sets that fuse multiplications and additions agree bit for bit: sums of integers are exact, and all else is done in one
    /// order.
    @Test(arguments: quantised)
    func instructionSetsAgree(dtype: DType) throws {
        let sets = [InstructionSet.neon, .avx2, .avx512].filter(\.isAvailable)
        var numbers = SeededNumbers(seed: 12)
        let shape: Shape = [50, 512]
        let bytes = numbers.weightBytes(shape, dtype)
        let x = numbers.floats(5 * 512)
        let results = try sets.map { set in
            let backend = try CPUBackend(threads: 1, instructions: set, precision: .fast)
            return try product(backend, x[...], backend.weight(bytes, shape, dtype))
        }
        #expect(results.allSatisfy { $0 == results[0] })
    }

    /// A block with a number that is not finite makes its row NaN and no other; numbers too small for a scale count as zeros.
    @Test(arguments: FastLinearTests.sets, [Float.nan, .infinity, -.infinity, 1e-35])
    func specialNumbers(instructions: InstructionSet, special: Float) throws {
        var numbers = SeededNumbers(seed: 13)
        let shape: Shape = [20, 64]
        let bytes = numbers.weightBytes(shape, .q8_0)
        let backend = try CPUBackend(threads: 1, instructions: instructions, precision: .fast)
        let weight = try backend.weight(bytes, shape, .q8_0)
        var x = numbers.floats(3 * 64)
        let before = try product(backend, x[...], weight)
        for index in 64..<128 { x[index] = 0 }
        x[70] = special
        let after = try product(backend, x[...], weight)
        #expect(after[..<20] == before[..<20] && after[40...] == before[40...])
        #expect(after[20..<40].map(Float.init(bitPattern:)).allSatisfy { special.isFinite && special < 1 ? $0 == 0 : $0.isNaN })
    }

    /// Weights that are not quantised meet activations as they are.
    @Test(arguments: [DType.f32, .f16, .bf16])
    func plainWeightsAreExact(dtype: DType) throws {
        var numbers = SeededNumbers(seed: 14)
        let shape: Shape = [33, 65]
        let bytes = numbers.weightBytes(shape, dtype)
        let x = numbers.floats(4 * 65)
        let (fast, exact) = (try CPUBackend(precision: .fast), try CPUBackend())
        #expect(try product(fast, x[...], fast.weight(bytes, shape, dtype)) == product(exact, x[...], exact.weight(bytes, shape, dtype)))
        #expect(fast.precision == .fast && exact.precision == .exact && fast.name.contains("fast products"))
    }

    /// A weight that is put in the order of the product has the bits of one that is not, whichever product came first, and its bytes are read
    /// as they were given, where they were let go of and where they were freed.
    @Test(arguments: quantised, FastLinearTests.sets)
    func orderOfWeightsIsNotSeen(dtype: DType, instructions: InstructionSet) throws {
        var numbers = SeededNumbers(seed: 15)
        let shape: Shape = [50, 512]
        let bytes = numbers.weightBytes(shape, dtype)
        let x = numbers.floats(20 * 512)
        let backend = try CPUBackend(threads: 2, instructions: instructions, precision: .fast)
        let expected = try product(backend, x[...], backend.weight(bytes, shape, dtype))
        // A weight is put in order for the second product of few rows.
        let file = LettingBytesGo(bytes)
        let weights = try [
            backend.adopt(UnsafeRawBufferPointer(file.bytes), owner: file, shape, dtype), adopted(bytes, shape, dtype, by: backend),
        ]
        for weight in weights {
            let many = try product(backend, x[...], weight)
            let few = try product(backend, x[..<1024], weight)
            #expect(try product(backend, x[..<1024], weight) == few)
            let manyAgain = try product(backend, x[...], weight)
            #expect(many == expected && manyAgain == expected && few == Array(expected[..<100]))
            #expect(try contents(of: weight, backend) == bytes)
            #expect(try product(backend, x[..<512], weight) == Array(expected[..<50]))
        }
        #expect(file.released == bytes.count)
    }

    /// Rows of a weight are weights of their own, and leave the others as they are.
    @Test func partsOfAWeightAreOrderedAlone() throws {
        var numbers = SeededNumbers(seed: 16)
        let bytes = numbers.weightBytes([80, 256], .q4_K)
        let x = numbers.floats(256)
        let backend = try CPUBackend(threads: 1, precision: .fast)
        let expected = try product(backend, x[...], backend.weight(bytes, [80, 256], .q4_K))
        let weight = try adopted(bytes, [80, 256], .q4_K, by: backend)
        for range in [0..<32, 0..<32, 32..<80, 32..<80, 0..<80, 0..<80, 0..<40] {
            #expect(try product(backend, x[...], weight.rows(range)) == Array(expected[range]))
        }
        #expect(try contents(of: weight, backend) == bytes)
    }

    /// A weight in memory that nobody else holds.
    private func adopted(_ bytes: [UInt8], _ shape: Shape, _ dtype: DType, by backend: CPUBackend) throws -> Tensor {
        let owner = WeightBytes(bytes)
        return try backend.adopt(UnsafeRawBufferPointer(owner.bytes), owner: owner, shape, dtype)
    }

    private func contents(of weight: Tensor, _ backend: CPUBackend) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: weight.byteCount)
        try bytes.withUnsafeMutableBytes { try backend.read(weight, into: $0) }
        return bytes
    }
}

/// Memory that stays readable, as a file's does, and counts what is let go of.
private final class LettingBytesGo: WeightBytes, ReadableAgain {
    private(set) var released = 0

    func letGo(of bytes: UnsafeRawBufferPointer) { released += bytes.count }
}
