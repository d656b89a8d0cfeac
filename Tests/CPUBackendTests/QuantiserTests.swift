import CPUBackend
import Foundation
import Tensors
import Testing

@Suite struct QuantiserTests {
    private struct Fixture: Decodable {
        let rows: Int
        let columns: Int
        /// Little-endian f32.
        let values: Data
        let blocks: [String: Data]

        var floats: [Float] {
            values.withUnsafeBytes { bytes in
                (0..<rows * columns).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
            }
        }

        init() throws {
            let file = try Data(contentsOf: ReferenceFixture.folder.appending(path: "quantiser.json"))
            self = try JSONDecoder().decode(Fixture.self, from: file)
        }
    }

    /// The bytes of gguf-py (tools/parity/make_quantisation.py).
    @Test(arguments: [DType.q8_0, .q4_0, .q4_1, .q5_0, .q5_1])
    func equalsTheReference(_ dtype: DType) throws {
        let fixture = try Fixture()
        let bytes = try Quantiser.quantise(fixture.floats, [fixture.rows, fixture.columns], to: dtype)
        #expect(bytes == [UInt8](try #require(fixture.blocks[dtype.rawValue])))
    }

    /// The bounds that ``Quantiser`` states for the K-quants, on blocks of many sizes and signs, and nothing clipped.
    @Test(arguments: [DType.q4_K, .q5_K, .q6_K])
    func staysWithinItsBounds(_ dtype: DType) throws {
        let fixture = try Fixture()
        var values = fixture.floats
        // Numbers whose scales f16 has exactly, and a block that is all zero.
        values += (0..<256).map { Float($0 % 32) - 7 }
        values += [Float](repeating: 0, count: 256)
        let backend = ReferenceBackend()
        let shape: Shape = [values.count / 256, 256]
        let decoded = try backend.readFloats(backend.cast(backend.upload(values, shape, dtype), to: .f32))
        for first in stride(from: 0, to: values.count, by: 256) {
            let (width, levels, steps): (Int, Float, Float) =
                dtype == .q6_K ? (16, 31, 127) : (32, dtype == .q4_K ? 15 : 31, 63)
            let parts = stride(from: first, to: first + 256, by: width).map { values[$0..<$0 + width] }
            let offsets = parts.map { dtype == .q6_K ? 0 : max(0, -$0.min()!) }
            let offsetStep = offsets.max()! / steps
            let ranges = zip(parts, offsets).map { part, offset in
                dtype == .q6_K ? part.map(\.magnitude).max()! / levels : (max(part.max()!, 0) + offset + offsetStep) / levels
            }
            let scaleStep = ranges.max()! / steps
            for (part, range) in zip(parts, ranges) {
                // Units of f16 are rounded up, by 2⁻¹⁰ or, below 2⁻¹⁴, 2⁻²⁴; each of f32's operations by 2⁻²⁴.
                let bound = (range + scaleStep) / 2 * (1 + 0x1p-9) + 64 * 0x1p-24
                for index in part.indices {
                    let error = abs(decoded[index] - values[index])
                    #expect(error <= bound + 0x1p-22 * part.map(\.magnitude).max()!, "element \(index): \(error) over \(bound)")
                }
            }
        }
        #expect(decoded.suffix(256).allSatisfy { $0 == 0 })
    }

    /// An upload of numbers to a quantised tensor quantises them.
    @Test func uploads() throws {
        let fixture = try Fixture()
        let backend = try CPUBackend(threads: 1)
        let shape: Shape = [fixture.rows, fixture.columns]
        for dtype in Quantiser.types {
            let tensor = try backend.upload(fixture.floats, shape, dtype)
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            try bytes.withUnsafeMutableBytes { try backend.read(tensor, into: $0) }
            #expect(try bytes == Quantiser.quantise(fixture.floats, shape, to: dtype))
        }
    }

    private func refusal(_ elements: [Float], _ shape: Shape, _ dtype: DType) -> String? {
        do { _ = try Quantiser.quantise(elements, shape, to: dtype) } catch { return "\(error)" }
        return nil
    }

    @Test func refusals() {
        let ones = [Float](repeating: 1, count: 64)
        #expect(refusal(ones, [1, 64], .f16)?.contains("f16 is no quantisation") == true)
        #expect(refusal(ones, [4, 16], .q8_0)?.contains("rows of a multiple of 32") == true)
        #expect(refusal(ones, [1, 64], .q6_K)?.contains("rows of a multiple of 256") == true)
        #expect(refusal(ones, [1, 32], .q8_0)?.contains("64 elements") == true)
        #expect(refusal(Array(ones.dropLast()) + [.nan], [1, 64], .q8_0)?.contains("element 63 is nan") == true)
        #expect(refusal(Array(ones.dropLast()) + [1e9], [1, 64], .q8_0)?.contains("elements 32 ..< 64 reach from 1.0 to 1e+09") == true)
        let large = [Float](repeating: -3e38, count: 256)
        for dtype in [DType.q4_K, .q5_K, .q6_K] { #expect(refusal(large, [1, 256], dtype)?.contains("beyond f16") == true) }
    }
}
