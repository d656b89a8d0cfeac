import CPUBackend
import Tensors
import Testing

/// Arrays of Swift to tensors and back; views.
@Suite struct ElementTests {
    let backend = ReferenceBackend()

    private func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch { return "\(error)" }
        return nil
    }

    /// The nearest number of the type, ties to even; NaN stays NaN, what is too large becomes infinite.
    @Test func numbersAreRounded() throws {
        let numbers: [Float] = [1, 1 + 0x1p-11, 1 + 3 * 0x1p-11, 65_520, -0.0, 1e-9, .nan, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 3.4e38, -.infinity]
        let halves = try backend.readFloats(backend.upload(numbers, [numbers.count], .f16))
        #expect(halves.map(\.isNaN) == numbers.map(\.isNaN))
        #expect(halves.map { $0.isNaN ? 7 : $0 } == numbers.map { $0.isNaN ? 7 : Float(Float16($0)) })
        let brains = try backend.readFloats(backend.upload(numbers, [numbers.count], .bf16))
        #expect(
            brains.map { $0.isNaN ? 7 : $0 } == [1, 1, 1, 65_536, -0.0, 0x1.12p-30, 7, 1, 1 + 0x1p-6, .infinity, -.infinity])
        let tensor = try backend.allocate([2], .bf16)
        try backend.write([1.001, -2.5], to: tensor)
        #expect(try backend.readFloats(tensor) == [1, -2.5])
        #expect(try backend.readFloats(backend.upload([1.5, 2] as [Float16], [2])) == [1.5, 2])
        #expect(try backend.upload([1.5, 2] as [Float16], [2], .f32).dtype == .f32)
    }

    @Test func bitsAreNotTakenForThoseOfAnotherType() throws {
        let integers: [Int32] = [1, 2]
        #expect(
            refusal { _ = try backend.upload(integers, [2], .f32) }
                == "upload: the tensor is f32; elements of Int32 are those of i32")
        #expect(refusal { _ = try backend.upload([1.5, 2] as [Float], [2], .i32) }?.hasPrefix("upload: the tensor is i32;") == true)
        #expect(refusal { _ = try backend.upload([1.5, 2] as [Float16], [2], .bf16) }?.hasPrefix("upload: the tensor is bf16;") == true)
        #expect(
            refusal { _ = try backend.upload([1, 2, 3] as [Float], [2]) } == "upload: 3 elements do not fill f32 [2], which has 2")
        #expect(refusal { _ = try backend.upload([1, 2, 3] as [UInt8], [2], .f16) } == "upload: 3 bytes do not fill f16 [2]")
        let floats = try backend.upload([1, 2] as [Float])
        #expect(refusal { try backend.write(integers, to: floats) } == "write: the tensor is f32; elements of Int32 are those of i32")
        #expect(refusal { try backend.write([1, 2, 3] as [Float], to: floats) } == "write: 3 elements do not fill f32 [2], which has 2")
        #expect(refusal { _ = try backend.readIntegers(floats) } == "read: the tensor is f32; elements of Int32 are those of i32")
        let indices = try backend.upload(integers)
        #expect(refusal { _ = try backend.readFloats(indices) }?.hasPrefix("read: the tensor is i32;") == true)
    }

    @Test func viewsThrow() throws {
        let x = try backend.upload([1, 2, 3, 4, 5, 6], [3, 2])
        #expect(try backend.readFloats(x.rows(1..<3)) == [3, 4, 5, 6])
        #expect(try x.reshaped([2, 3]).shape == [2, 3])
        #expect(refusal { _ = try x.rows(2..<4) } == "rows: 2..<4 lies outside the 3 rows of [3, 2]")
        #expect(refusal { _ = try x.rows(-1..<2) } == "rows: -1..<2 lies outside the 3 rows of [3, 2]")
        #expect(refusal { _ = try x.reshaped([7]) } == "reshaped: [3, 2] has 6 elements, [7] 7; expected the same number")
        let blocks = try backend.upload([Float](repeating: 1, count: 128), [2, 64], .q8_0)
        #expect(try blocks.reshaped([4, 32]).shape == [4, 32])
        #expect(
            refusal { _ = try blocks.reshaped([8, 16]) } == "reshaped: rows of [8, 16] are not whole blocks of 32 elements (q8_0)")
        #expect(refusal { _ = try blocks.reshaped([128]).rows(0..<32) } == "rows: a row of [128] is no whole block of q8_0")
        let scalar = try backend.argmax(backend.upload([1, 3, 2] as [Float]))
        #expect(scalar.shape == [])
        #expect(try backend.readIntegers(scalar) == [1])
        #expect(refusal { _ = try scalar.rows(0..<1) } == "rows: a tensor of shape [] has no rows")
    }

    /// Errors of shapes say what was expected.
    @Test func layoutsAreNamed() throws {
        func zeros(_ shape: Shape) throws -> Tensor { try backend.upload([Float](repeating: 0, count: shape.count), shape) }
        #expect(
            refusal { _ = try backend.linear(zeros([2, 3]), weight: zeros([3, 4])) }
                == "linear: x [2, 3] does not match weight [3, 4], expected x […, K] and weight [N, K]")
        #expect(
            refusal { _ = try backend.conv2d(zeros([1, 3, 8, 8]), weight: zeros([4, 3, 3, 3])) }?
                .contains("expected [batch, height, width, inC] (channels last) and [outC, kernel height, kernel width, inC / groups]")
                == true)
        #expect(
            refusal { _ = try backend.layerNorm(zeros([2, 3]), gain: zeros([2]), epsilon: 0) }?
                .contains("expected x […, C] and gain [C]") == true)
        #expect(
            refusal { _ = try backend.attention(zeros([1, 2, 3, 8]), keys: zeros([1, 2, 2, 8]), values: zeros([1, 2, 2, 8])) }?
                .contains("H a multiple of Hkv") == true)
        #expect(
            refusal { _ = try backend.reduce(zeros([2, 0]), .mean, axis: 1) }?.contains("have no elements") == true)
    }

    /// Both ways of asking for attention mean the same.
    @Test func attentionHasOneMeaning() throws {
        let x = try backend.upload((0..<96).map { Float($0 * 37 % 19) / 19 - 0.5 }, [2, 3, 2, 8])
        let segments = try Segments(batch: 2, queries: 3, keys: 3, on: backend)
        let dense = try backend.attention(x, keys: x, values: x)
        let packed = try backend.attention(x.reshaped([6, 2, 8]), keys: x, values: x, segments: segments)
        #expect(try backend.readFloats(dense) == backend.readFloats(packed))
        let causal = try backend.attention(x, keys: x, values: x, causal: true)
        #expect(try backend.readFloats(dense) != backend.readFloats(causal))
        let scaled = try backend.attention(x, keys: x, values: x, scale: 1 / Float(8).squareRoot())
        #expect(try backend.readFloats(dense) == backend.readFloats(scaled))
    }
}
