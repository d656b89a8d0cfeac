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
}
