import CPUBackend
import Tensors
import Testing

/// Matrix products at sizes that cross every boundary of the kernels: panels of rows, blocks of output channels, blocks of K.
@Suite struct FastLinearTests {
    static let sets = InstructionSet.allCases.filter(\.isAvailable)
    static let types = DType.allCases.filter(\.isWeight)

    /// One case of `linear`, and a bound of the error of each element.
    private func check(rows: Int, inputs: Int, outputs: Int, dtype: DType, _ candidate: CPUBackend) throws {
        var numbers = SeededNumbers(seed: UInt64(rows * 31 + inputs * 7 + outputs))
        let x = numbers.floats(rows * inputs)
        let bytes = numbers.weightBytes([outputs, inputs], dtype)
        let residual = numbers.floats(rows * outputs)
        func compute(_ backend: any Backend) throws -> [Float] {
            let epilogue = Epilogue(residual: try backend.upload(residual, [rows, outputs]))
            return try backend.readFloats(
                backend.linear(
                    backend.upload(x, [rows, inputs]), weight: backend.weight(bytes, [outputs, inputs], dtype), epilogue: epilogue))
        }
        let reference = ReferenceBackend()
        let expected = try compute(reference)
        let actual = try compute(candidate)
        // |fl(Σ xw) − Σ xw| ≤ γ(n)·Σ|xw| in any order of summation, γ(n) = n·u / (1 − n·u) (Higham 2002, section 4.2), with n the
        // terms, one more for what is of second order; then each result is rounded once, after the residual is added. Σ|xw| is at
        // most the sum of |x| times max|w|.
        let decoded = try reference.readFloats(
            reference.embedding(
                reference.upload((0..<Int32(outputs)).map { $0 }), table: reference.weight(bytes, [outputs, inputs], dtype)))
        let n = Double(inputs + 1) * unitRoundOff
        let largest = (0..<outputs).map { row in
            Double(decoded[row * inputs..<(row + 1) * inputs].reduce(0) { max($0, abs($1)) })
        }
        for row in 0..<rows {
            let sum = x[row * inputs..<(row + 1) * inputs].reduce(0.0) { $0 + Double(abs($1)) }
            for channel in 0..<outputs {
                let index = row * outputs + channel
                let bound = n / (1 - n) * sum * largest[channel] + 2 * unitRoundOff * Double(abs(expected[index]))
                let error = abs(Double(actual[index]) - Double(expected[index]))
                guard error <= bound else {
                    Issue.record("\(dtype) row \(row) channel \(channel): \(actual[index]), expected \(expected[index]) ± \(bound)")
                    return
                }
            }
        }
    }

    @Test(arguments: sets, types)
    func everyTypeThroughBothPaths(instructions: InstructionSet, dtype: DType) throws {
        let candidate = try CPUBackend(threads: 3, instructions: instructions)
        // Past one block of K (256) and one super-block, and for plain types an end within a chunk of 32.
        let inputs = dtype.isQuantised ? (dtype.blockElements == 32 ? 288 : 512) : 301
        for rows in [1, 2, 3, 5, 8, 9, 33] { try check(rows: rows, inputs: inputs, outputs: 67, dtype: dtype, candidate) }
    }

    @Test(arguments: sets, [(130, 700, 150), (49, 129, 65), (64, 64, 64), (500, 33, 7), (17, 1, 1), (10, 2, 1100), (12, 0, 5), (3, 0, 5)])
    func everyTileBoundary(instructions: InstructionSet, size: (rows: Int, inputs: Int, outputs: Int)) throws {
        let candidate = try CPUBackend(threads: 3, instructions: instructions)
        try check(rows: size.rows, inputs: size.inputs, outputs: size.outputs, dtype: .f32, candidate)
    }
}
