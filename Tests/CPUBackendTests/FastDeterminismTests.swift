import CPUBackend
import Tensors
import TestSupport
import Testing

/// The same bits whatever the number of threads, whichever thread is late, and whatever else is in the batch.
@Suite struct FastDeterminismTests {
    private func linear(_ backend: CPUBackend, _ x: [Float], rows: Int, _ weight: [UInt8], _ shape: Shape) throws -> [UInt32] {
        let result = try backend.linear(
            backend.upload(x, [rows, shape[1]]), weight: backend.weight(weight, shape, .q4_1), epilogue: Epilogue(activation: .silu))
        return try backend.readFloats(result).map(\.bitPattern)
    }

    @Test(arguments: FastLinearTests.sets)
    func threadsChangeNoBit(instructions: InstructionSet) throws {
        var numbers = SeededNumbers(seed: 3)
        let shape: Shape = [1000, 576]
        let weight = numbers.weightBytes(shape, .q4_1)
        for rows in [1, 5, 100] {
            let x = numbers.floats(rows * 576)
            let expected = try linear(CPUBackend(threads: 1, instructions: instructions), x, rows: rows, weight, shape)
            for threads in [2, 3, 7] {
                let backend = try CPUBackend(threads: threads, instructions: instructions)
                for _ in 0..<5 { #expect(try linear(backend, x, rows: rows, weight, shape) == expected) }
            }
        }
    }

    private static let weights = DType.allCases.filter(\.isWeight)

    /// A row's bits are the same alone, beside 1 to 63 others at any place, and in parts of a longer prefill.
    @Test(arguments: FastLinearTests.sets, weights)
    func aRowDoesNotDependOnItsCompany(instructions: InstructionSet, dtype: DType) throws {
        for precision in ProductPrecision.allCases {
            var numbers = SeededNumbers(seed: 11)
            // Of plain types the last chunk is not whole.
            let shape: Shape = [77, dtype.isQuantised ? 512 : 531]
            let (outputs, inputs, most) = (shape[0], shape[1], 300)
            let bytes = numbers.weightBytes(shape, dtype)
            let x = numbers.floats(most * inputs)
            func rows(_ range: Range<Int>, on backend: CPUBackend) throws -> [UInt32] {
                let y = try backend.linear(
                    backend.upload(Array(x[range.lowerBound * inputs..<range.upperBound * inputs]), [range.count, inputs]),
                    weight: backend.weight(bytes, shape, dtype))
                return try backend.readFloats(y).map(\.bitPattern)
            }
            let backend = try CPUBackend(threads: 3, instructions: instructions, precision: precision)
            let alone = try (0..<most).flatMap { try rows($0..<$0 + 1, on: backend) }
            for count in 1...64 {
                let first = Int(numbers.next() % UInt64(most - count))
                let some = try rows(first..<first + count, on: backend)
                #expect(some == Array(alone[first * outputs..<(first + count) * outputs]), "\(precision), \(count) rows")
            }
            #expect(try rows(0..<most, on: backend) == alone)
            #expect(try rows(0..<100, on: backend) + rows(100..<131, on: backend) + rows(131..<most, on: backend) == alone)
            #expect(try rows(0..<most, on: CPUBackend(threads: 1, instructions: instructions, precision: precision)) == alone)
        }
    }

    /// Attention of `queryCount` queries at the end of `keyCount` keys, for each of `sequences` equal sequences.
    private func attention(_ backend: CPUBackend, queryCount: Int, keyCount: Int, sequences: Int) throws -> [UInt32] {
        var numbers = SeededNumbers(seed: 5)
        let (heads, keyHeads, channels) = (6, 2, 48)
        let queries = numbers.floats(queryCount * heads * channels)
        let keys = numbers.floats(keyCount * keyHeads * channels)
        let values = numbers.floats(keyCount * keyHeads * channels)
        let segments = Segments(
            queryStarts: try backend.upload((0...sequences).map { Int32($0 * queryCount) }),
            keyLengths: try backend.upload([Int32](repeating: Int32(keyCount), count: sequences)),
            slots: try backend.upload([Int32](repeating: 0, count: sequences)), maximumQueries: queryCount, maximumKeys: keyCount)
        let repeated = (0..<sequences).flatMap { _ in queries }
        let cache: Shape = [1, keyCount, keyHeads, channels]
        let result = try backend.attention(
            backend.upload(repeated, [sequences * queryCount, heads, channels]), keys: backend.upload(keys, cache),
            values: backend.upload(values, cache), segments: segments, scale: 0.5)
        return try backend.readFloats(result).map(\.bitPattern)
    }

    /// One sequence has its keys shared out among threads, many have not: the same bits.
    @Test(arguments: FastLinearTests.sets, [1, 2, 40])
    func sequencesDoNotSeeOneAnother(instructions: InstructionSet, queryCount: Int) throws {
        let alone = try attention(
            CPUBackend(threads: 1, instructions: instructions), queryCount: queryCount, keyCount: 700, sequences: 1)
        for threads in [2, 4] {
            let backend = try CPUBackend(threads: threads, instructions: instructions)
            for sequences in [1, 2, 9] {
                let together = try attention(backend, queryCount: queryCount, keyCount: 700, sequences: sequences)
                #expect(together == (0..<sequences).flatMap { _ in alone })
            }
        }
    }

    private static let heads = [
        AttentionHeads(1, 3, of: 64), AttentionHeads(2, 1, of: 40),
        AttentionHeads(1, 2, of: 37, window: 50), AttentionHeads(1, 4, of: 256, softCap: 3),
        AttentionHeads(2, 5, of: 80, window: 130, cache: .f16), AttentionHeads(1, 9, of: 48),
    ]

    /// A text read in chunks, down to single tokens, over the keys before them gets the bits of the whole text at once.
    @Test(arguments: FastLinearTests.sets, heads)
    func chunksOfATextChangeNoBit(instructions: InstructionSet, heads: AttentionHeads) throws {
        var numbers = SeededNumbers(seed: 17)
        let count = 300, width = heads.keyHeads * heads.group * heads.channels
        let queries = numbers.floats(count * width)
        let cache: Shape = [1, count, heads.keyHeads, heads.channels]
        let (keys, values) = (numbers.floats(cache.count), numbers.floats(cache.count))
        let backend = try CPUBackend(threads: 2, instructions: instructions)
        let stored = try [keys, values].map { try backend.cast(backend.upload($0, cache), to: heads.cache) }
        func read(_ chunk: Range<Int>) throws -> [UInt32] {
            let segments = Segments(
                queryStarts: try backend.upload([0, Int32(chunk.count)]), keyLengths: try backend.upload([Int32(chunk.upperBound)]),
                slots: try backend.upload([Int32(0)]), maximumQueries: chunk.count, maximumKeys: chunk.upperBound)
            let part = Array(queries[chunk.lowerBound * width..<chunk.upperBound * width])
            let result = try backend.attention(
                backend.upload(part, [chunk.count, heads.keyHeads * heads.group, heads.channels]), keys: stored[0],
                values: stored[1], segments: segments, causal: true, window: heads.window, softCap: heads.softCap)
            return try backend.readFloats(result).map(\.bitPattern)
        }
        let whole = try read(0..<count)
        for size in [1, 2, 3, 7, 130] {
            let parts = try stride(from: 0, to: count, by: size).flatMap { try read($0..<min($0 + size, count)) }
            #expect(parts == whole, "chunks of \(size)")
        }
    }
}
