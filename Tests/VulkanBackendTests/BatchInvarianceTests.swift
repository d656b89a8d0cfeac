import CrossCheck
import Tensors
import TestSupport
import Testing
import VulkanBackend
import VulkanRuntime

/// Backends of ``MatrixOptions/isBatchInvariant``: the bits of a sequence or an image do not depend on what is computed with it, nor on the parts
/// that it comes in.
@Suite struct BatchInvarianceTests {
    private static let weights = DType.allCases.filter(\.isWeight)

    private static func backend(
        _ family: KernelFamily, _ precision: ProductPrecision = .exact, isBatchInvariant: Bool = true
    ) throws -> VulkanBackend {
        var matrix = MatrixOptions(.automatic, precision: precision)
        matrix.isBatchInvariant = isBatchInvariant
        return try TestBackend.make(family: family, matrix: matrix)
    }

    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var generator = CheckGenerator(seed: seed)
        return (0..<count).map { _ in Float.random(in: -2...2, using: &generator) }
    }

    private func weight(_ shape: Shape, _ dtype: DType, on backend: VulkanBackend) throws -> Tensor {
        var inputs = MatrixCheckInputs()
        return try backend.upload(inputs.weights(rows: shape[0], columns: shape[1], dtype), shape, dtype)
    }

    /// Alone, beside 1 to 63 others at any place, and in parts of a longer prefill; on devices with many registers and with few.
    @Test(arguments: try TestBackend.families(), weights)
    func aRowDoesNotDependOnItsCompany(family: KernelFamily, dtype: DType) throws {
        for precision in ProductPrecision.allCases {
            let backend = try Self.backend(family, precision)
            for (registers, inputs) in [(250, 1280), (250, dtype.isQuantised ? 96 : 531), (60, 512)] {
                // Of a K-quant rows are whole blocks.
                guard inputs % dtype.blockElements == 0 else { continue }
                backend.registers = registers
                let (outputs, most) = (21, 70)
                let x = numbers(most * inputs, seed: 31)
                let weight = try weight([outputs, inputs], dtype, on: backend)
                func rows(_ range: Range<Int>) throws -> [UInt32] {
                    let part = try backend.upload(Array(x[range.lowerBound * inputs..<range.upperBound * inputs]), [range.count, inputs])
                    return try bits(backend.linear(part, weight: weight, epilogue: Epilogue(activation: .silu)), on: backend)
                }
                let alone = try (0..<most).flatMap { try rows($0..<$0 + 1) }
                var generator = CheckGenerator(seed: 32)
                for count in registers == 250 && inputs > 1000 ? Array(1...64) : [2, 3, 8, 9, 17, 33, 64] {
                    let first = Int.random(in: 0...most - count, using: &generator)
                    let some = try rows(first..<first + count)
                    #expect(some == Array(alone[first * outputs..<(first + count) * outputs]), "\(precision), \(inputs), \(count) rows")
                }
                #expect(try rows(0..<50) + rows(50..<most) == alone)
            }
            #expect(backend.device.validationMessages == [])
        }
    }

    /// Else the number of rows chooses the kernel: if it did not, the tests here would say nothing.
    @Test func usuallyBitsDependOnTheNumberOfRows() throws {
        let backend = try Self.backend(.tiles, isBatchInvariant: false)
        let (rows, inputs, outputs) = (40, 1280, 21)
        let x = numbers(rows * inputs, seed: 31)
        let weight = try weight([outputs, inputs], .q4_0, on: backend)
        func product(_ range: Range<Int>) throws -> [UInt32] {
            let part = try backend.upload(Array(x[range.lowerBound * inputs..<range.upperBound * inputs]), [range.count, inputs])
            return try bits(backend.linear(part, weight: weight), on: backend)
        }
        #expect(try product(0..<rows) != (0..<rows).flatMap { try product($0..<$0 + 1) })
        let keys = try backend.upload(numbers(300 * 64, seed: 32), [1, 300, 1, 64])
        func attention(_ queries: Range<Int>) throws -> [UInt32] {
            let part = Array(x[queries.lowerBound * 64..<queries.upperBound * 64])
            let segments = Segments(
                queryStarts: try backend.upload([0, Int32(queries.count)]), keyLengths: try backend.upload([Int32(queries.upperBound)]),
                slots: try backend.upload([0 as Int32]), maximumQueries: queries.count, maximumKeys: queries.upperBound)
            return try bits(
                backend.attention(
                    backend.upload(part, [queries.count, 1, 64]), keys: keys, values: keys, segments: segments, causal: true),
                on: backend)
        }
        #expect(try attention(0..<300) != (0..<300).flatMap { try attention($0..<$0 + 1) })
    }

    /// Products that share a dispatch, and two of which one gates the other.
    @Test(arguments: try TestBackend.families(), ProductPrecision.allCases)
    func fusedProductsDoNotDependOnCompany(family: KernelFamily, precision: ProductPrecision) throws {
        let backend = try Self.backend(family, precision)
        let (inputs, most) = (512, 40)
        let x = numbers(most * inputs, seed: 33)
        for dtype in [DType.q4_0, .q6_K, .f16] {
            let factors = try [40, 12, 12].map { LinearFactor(weight: try weight([$0, inputs], dtype, on: backend)) }
            func rows(_ range: Range<Int>) throws -> [[UInt32]] {
                let part = try backend.upload(Array(x[range.lowerBound * inputs..<range.upperBound * inputs]), [range.count, inputs])
                let results =
                    try backend.linears(part, factors) + [backend.gatedLinear(part, gate: factors[1], up: factors[2], activation: .silu)]
                return try results.map { try bits($0, on: backend) }
            }
            let alone = try (0..<most).map { try rows($0..<$0 + 1) }
            for count in [2, 5, 8, 16, 17, 31, 40] {
                let some = try rows(0..<count)
                for result in some.indices { #expect(some[result] == alone[..<count].flatMap { $0[result] }, "\(dtype), \(count) rows") }
            }
        }
        #expect(backend.device.validationMessages == [])
    }

    /// Heads for kernels of few rows, with one to eight rows in a tile, and for those of wide heads and of odd ones.
    private static let heads = [
        AttentionHeads(1, 3, of: 64), AttentionHeads(2, 1, of: 40), AttentionHeads(1, 1, of: 8),
        AttentionHeads(1, 2, of: 64, window: 50), AttentionHeads(1, 4, of: 256, softCap: 3),
        AttentionHeads(2, 5, of: 80, window: 130, cache: .f16),
        AttentionHeads(1, 9, of: 128, cache: .f16, blockSize: 16),
        AttentionHeads(1, 1, of: 16, window: 300, cache: .f16, blockSize: 64),
        AttentionHeads(1, 2, of: 37, window: 70),
        AttentionHeads(1, 1, of: 516, window: 100),
    ]

    /// A text read in chunks, down to single tokens, over the keys before them, alone or beside another text of another length, gets the bits of the
    /// whole text at once.
    @Test(arguments: try TestBackend.families(), heads)
    func chunksAndNeighboursChangeNoBit(family: KernelFamily, heads: AttentionHeads) throws {
        let backend = try Self.backend(family)
        let (count, longer) = (600, 900)
        let width = heads.keyHeads * heads.group * heads.channels
        let queries = numbers(longer * width, seed: 34)
        let capacity = 960
        let cache: Shape =
            heads.blockSize.map { [2 * capacity / $0, $0, heads.keyHeads, heads.channels] } ?? [
                2, capacity, heads.keyHeads, heads.channels,
            ]
        let stored = try [35, 36].map { try backend.cast(backend.upload(numbers(cache.count, seed: $0), cache), to: heads.cache) }
        /// - Parameter chunks: Those of one sequence each, the first of sequence `first`.
        func read(_ chunks: [Range<Int>], first: Int32) throws -> [UInt32] {
            let blocks = heads.blockSize.map { Int32(capacity / $0) }
            let sequences = chunks.indices.map { (first + Int32($0)) % 2 }
            let slots =
                blocks.map { count in sequences.flatMap { sequence in (0..<count).map { sequence * count + $0 } } } ?? sequences
            var starts: [Int32] = [0]
            for chunk in chunks { starts.append(starts.last! + Int32(chunk.count)) }
            let segments = Segments(
                queryStarts: try backend.upload(starts), keyLengths: try backend.upload(chunks.map { Int32($0.upperBound) }),
                blocks: try backend.upload(slots, [chunks.count, slots.count / chunks.count]),
                maximumQueries: chunks.map(\.count).max()!, maximumKeys: chunks.map(\.upperBound).max()!)
            let part = chunks.flatMap { queries[$0.lowerBound * width..<$0.upperBound * width] }
            let result = try backend.attention(
                backend.upload(part, [Int(starts.last!), heads.keyHeads * heads.group, heads.channels]), keys: stored[0], values: stored[1],
                segments: segments, causal: true, window: heads.window, softCap: heads.softCap)
            return Array(try bits(result, on: backend)[..<(chunks[0].count * width)])
        }
        let whole = try read([0..<count], first: 0)
        func of(_ chunk: Range<Int>) -> [UInt32] { Array(whole[chunk.lowerBound * width..<chunk.upperBound * width]) }
        for chunk in [0..<1, 255..<256, 256..<257, 599..<600, 510..<514, 40..<47, 300..<390] {
            #expect(try read([chunk], first: 0) == of(chunk), "\(chunk)")
            #expect(try read([chunk, longer - 3..<longer], first: 0) == of(chunk), "\(chunk) beside a longer text")
        }
        #expect(backend.device.validationMessages == [])
    }

    /// An image alone and as the second of three.
    @Test(arguments: try TestBackend.families())
    func imagesDoNotDependOnOthers(family: KernelFamily) throws {
        let backend = try Self.backend(family)
        let (images, side, channels) = (3, 8, 512)
        let x = numbers(images * side * side * channels, seed: 37)
        let image = side * side * channels
        let kernel = try backend.upload(numbers(channels * 9 * 32, seed: 38), [32, 3, 3, channels])
        func results(_ range: Range<Int>) throws -> [[UInt32]] {
            let pictures = try backend.upload(
                Array(x[range.lowerBound * image..<range.upperBound * image]), [range.count, side, side, channels])
            return try [
                bits(backend.conv2d(pictures, weight: kernel, padding: 1), on: backend),
                bits(backend.groupNorm(pictures, groups: 32, epsilon: 1e-5), on: backend),
            ]
        }
        let (together, alone) = (try results(0..<3), try results(1..<2))
        for (all, one) in zip(together, alone) { #expect(Array(all[one.count..<2 * one.count]) == one) }
        #expect(backend.device.validationMessages == [])
    }

    /// Tensor cores have an order of sums of their own.
    @Test func tensorCoresAreRefused() throws {
        var options = MatrixOptions(.only(.emulated))
        options.isBatchInvariant = true
        #expect {
            _ = try TestBackend.make(family: .tiles, matrix: options)
        } throws: { "\($0)".contains("without tensor cores, and MONGE_MATRIX asks for emulated") }
        options = MatrixOptions(.only(.scalar))
        options.isBatchInvariant = true
        #expect(try TestBackend.make(family: .tiles, matrix: options).isBatchInvariant)
    }
}
