import CPUBackend
import Tensors
import Testing

/// The rules that are written beside the elementwise functions and movements: special values, and what is refused.
@Suite struct ElementwiseRulesTests {
    private let backend = ReferenceBackend()

    /// Both paths of the CPU.
    private func backends() throws -> [any Backend] { [backend, try CPUBackend(threads: 2)] }

    private func refuses(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let error as TensorError {
            return error.description
        } catch {
            return nil
        }
    }

    @Test func nanStaysAndMinusZeroHasASign() throws {
        for backend in try backends() {
            let x = try backend.upload([.nan, -0.0, .infinity, -.infinity, -3, 3] as [Float])
            let clamped = try backend.readFloats(backend.clamp(x, from: -1, to: 2))
            #expect(clamped[0].isNaN && clamped[1].bitPattern == 0x8000_0000 && clamped[2...] == [2, -1, -1, 2])
            for activation in Activation.allCases {
                #expect(try backend.readFloats(backend.activation(x, activation))[0].isNaN, "\(activation)")
            }
            #expect(try backend.readFloats(backend.activation(x, .identity))[1].bitPattern == 0x8000_0000)
            #expect(try backend.readFloats(backend.activation(x, .sigmoid))[2...3] == [1, 0])
            #expect(try backend.readFloats(backend.activation(x, .tanh))[2...3] == [1, -1])
        }
    }

    @Test func aRowThatIsAllMaskedIsNaN() throws {
        for backend in try backends() {
            let x = try backend.upload([-.infinity, -.infinity, 0, -.infinity, .infinity, 1] as [Float], [3, 2])
            let y = try backend.readFloats(backend.softmax(x))
            #expect(y[0].isNaN && y[1].isNaN && y[2] == 1 && y[3] == 0 && y[4].isNaN && y[5].isNaN)
        }
    }

    /// Images are rows: the mean of each channel over the pixels of each image.
    @Test func pixelsArePooledAsRows() throws {
        for backend in try backends() {
            let pixels = try backend.upload((0..<16).map { Float($0) }, [2, 2, 2, 2])
            let half = try backend.cast(pixels, to: .f16).reshaped([8, 2])
            let pooled = try backend.pool(
                half, starts: backend.upload([0, 4] as [Int32]), counts: backend.upload([4, 4] as [Int32]), maximumCount: 4, pooling: .mean)
            #expect(try backend.readFloats(pooled) == [3, 4, 11, 12])
        }
    }

    @Test func castsRoundToTheNearestEven() throws {
        for backend in try backends() {
            let x = try backend.upload([65519, 65520, 1 + 0x1p-11, 1 + 0x1.8p-10, 0x1p-25, 0x1.8p-24, -0.0] as [Float])
            var bits = [UInt16](repeating: 0, count: 7)
            try bits.withUnsafeMutableBytes { try backend.read(backend.cast(x, to: .f16), into: $0) }
            #expect(bits == [0x7BFF, 0x7C00, 0x3C00, 0x3C02, 0, 2, 0x8000])
            try bits.withUnsafeMutableBytes { try backend.read(backend.cast(x, to: .bf16), into: $0) }
            #expect(bits[2...3] == [0x3F80, 0x3F80] && bits[6] == 0x8000)
        }
    }

    /// All 65,536 of them, through f32 and back.
    @Test func everyHalfSurvives() throws {
        let all = (0...0xFFFF).map { UInt16($0) }
        for backend in try backends() {
            let x = try all.withUnsafeBytes { try backend.upload($0, [all.count], .f16) }
            for y in try [backend.scale(x, by: 1), backend.cast(backend.cast(x, to: .f32), to: .f16)] {
                var bits = [UInt16](repeating: 0, count: all.count)
                try bits.withUnsafeMutableBytes { try backend.read(y, into: $0) }
                let changed = zip(all, bits).first { before, after in
                    before != after && before != 0x8000 && !(Float16(bitPattern: before).isNaN && Float16(bitPattern: after).isNaN)
                }
                #expect(changed == nil)
            }
        }
    }

    /// Sums of f16 numbers, rounded once.
    @Test func sumsOfHalvesAreRoundedToTheNearest() throws {
        var numbers = SeededNumbers(seed: 3)
        let bits = (0..<40_000).map { _ in UInt16(truncatingIfNeeded: numbers.next()) }
        let (a, b) = (Array(bits.prefix(20_000)), Array(bits.suffix(20_000)))
        for backend in try backends() {
            let x = try a.withUnsafeBytes { try backend.upload($0, [a.count], .f16) }
            let y = try b.withUnsafeBytes { try backend.upload($0, [b.count], .f16) }
            let sums = try backend.readFloats(backend.add(x, y))
            let wrong = a.indices.first { index in
                let expected = Float(Float16(Float(Float16(bitPattern: a[index])) + Float(Float16(bitPattern: b[index]))))
                return sums[index] != expected && !(sums[index].isNaN && expected.isNaN)
            }
            #expect(wrong == nil)
        }
    }

    @Test func anInfinitePixelOfNoWeightIsNotSeen() throws {
        for backend in try backends() {
            let x = try backend.upload([1, .infinity, 3, 4] as [Float], [1, 2, 2, 1])
            let y = try backend.readFloats(backend.upsample(x, height: 2, width: 2, .bilinear(alignCorners: true)))
            #expect(y == [1, .infinity, 3, 4])
        }
    }

    @Test func shapesThatDoNotFitAreNamed() throws {
        let a = try backend.allocate([2, 3, 4], .f32)
        let b = try backend.allocate([2, 2, 4], .f32)
        #expect(
            refuses { _ = try backend.add(a, b) }
                == "add: a [2, 3, 4], b [2, 2, 4] cannot be broadcast to one shape: extents of an axis are equal or 1")
        #expect(refuses { _ = try backend.add(a, backend.allocate([4], .i32)) } == "add: b is i32, expected f32 or f16")
        #expect(
            refuses { _ = try backend.concat([a, b], axis: 0) }
                == "concat: [2, 2, 4] does not match [2, 3, 4] along the axes other than 0")
        #expect(refuses { _ = try backend.concat([], axis: 0) } == "concat: there are no tensors")
        #expect(refuses { _ = try backend.slice(a, axis: 1, 2..<4) } == "slice: 2..<4 lies outside axis 1 of x [2, 3, 4]")
        #expect(refuses { _ = try backend.slice(a, axis: 3, 0..<1) } == "slice: axis 3 of a tensor of shape [2, 3, 4]")
        #expect(
            refuses { _ = try backend.split(a, axis: -1, into: [1, 2]) } == "split: parts of [1, 2] do not make up axis 2 of x [2, 3, 4]")
        #expect(refuses { _ = try backend.permute(a, [0, 1, 1]) } == "permute: [0, 1, 1] is no order of the axes of x [2, 3, 4]")
        #expect(refuses { _ = try backend.broadcast(a, to: [3, 4]) } == "broadcast: x [2, 3, 4] cannot be broadcast to [3, 4]")
        #expect(refuses { _ = try backend.gatedProduct(packed: backend.allocate([2, 3], .f32), gate: .first, activation: .silu) } != nil)
        #expect(refuses { _ = try backend.clamp(a, from: 1, to: 0) } == "clamp: from 1.0 to 0.0, expected bounds in order")
        #expect(refuses { _ = try backend.pad(a, [(0, 0), (4, 0)], with: .reflect) } != nil)
        #expect(refuses { _ = try backend.pad(a, [(-3, 0)]) } == nil)
        #expect(refuses { _ = try backend.pad(a, [(-3, -2)]) } != nil)
        #expect(refuses { _ = try backend.upsample(a, height: 2, width: 2, .nearest) } != nil)
        #expect(refuses { _ = try backend.cast(backend.allocate([2], .i32), to: .f32) } == "cast: x is i32 and cannot be made f32")
        #expect(refuses { _ = try backend.cast(a, to: .q8_0) } == "cast: x is f32 and cannot be made q8_0")
        #expect(
            refuses { _ = try backend.timestepEmbedding(backend.allocate([1], .f32), TimestepFrequencies(channels: 2, shift: 1)) } != nil)
        let x = try backend.allocate([6, 2, 8], .f32)
        let angles = try backend.allocate([4, 4], .f32)
        #expect(refuses { _ = try backend.rope(x, cosines: angles, sines: angles, layout: .interleaved) } != nil)
    }

    /// Six axes of which no two are walked alike.
    @Test func tooManyAxesAreRefused() throws {
        let x = try backend.allocate([2, 3, 2, 3, 2, 3], .f32)
        #expect(refuses { _ = try backend.permute(x, [5, 4, 3, 2, 1, 0]) }?.contains("6 axes cannot be merged") == true)
        #expect(refuses { _ = try backend.permute(x, [3, 4, 5, 0, 1, 2]) } == nil)
    }

    @Test func outputsThatOverlapAreRefused() throws {
        let all = try backend.upload((0..<12).map { Float($0) }, [6, 2])
        let (first, second) = (try all.rows(0..<4), try all.rows(2..<6))
        #expect(
            refuses { _ = try backend.add(first, first, into: second) }
                == "add: the output lies in the memory of a but is not the same tensor")
        #expect(refuses { _ = try backend.copy(first, into: second) } == "copy: the output lies in the memory of x")
        #expect(refuses { _ = try backend.softmax(first, into: second) } != nil)
        #expect(refuses { _ = try backend.add(first, second, into: first) } != nil)
        #expect(refuses { _ = try backend.add(all.rows(0..<2), all.rows(2..<4), into: all.rows(4..<6)) } == nil)
        #expect(try backend.readFloats(all)[8...] == [4, 6, 8, 10])
        let slots = try backend.upload([0, 1] as [Int32])
        #expect(refuses { try backend.scatterRows(all.rows(0..<2), into: all, at: slots) } != nil)
    }

    @Test func walksMergeWhatTheyCan() {
        let whole = StridedWalk([2, 3, 4], operands: [(0, [12, 4, 1]), (0, [12, 4, 1])])
        #expect(whole.extents == [24] && whole.steps == [[1], [1]])
        let tokens = StridedWalk([2, 3, 4], operands: [(0, [12, 4, 1]), (5, [4, 0, 1])])
        #expect(tokens.extents == [2, 3, 4] && tokens.starts(ofElement: 17) == [17, 5 + 5])
        let single = StridedWalk([1, 1], operands: [(7, [9, 9])])
        #expect(single.extents == [1] && single.count == 1 && single.offsets == [7])
    }
}
