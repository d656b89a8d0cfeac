import CPUBackend
import Foundation
import Tensors
import Testing

/// Decoding against the values of the `gguf` Python package and NumPy.
@Suite struct ReferenceWeightDecodingTests {
    private struct Weight: Decodable {
        let rows: Int
        let columns: Int
        let bytes: Data
        /// Little-endian f32.
        let values: Data
    }

    @Test(arguments: [DType.f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K])
    func decodesEveryElementExactly(_ dtype: DType) throws {
        let file = try Data(contentsOf: ReferenceFixture.folder.appending(path: "quantisation.json"))
        let weight = try #require(try JSONDecoder().decode([String: Weight].self, from: file)[dtype.rawValue])
        let expected = weight.values.withUnsafeBytes { bytes in
            (0..<weight.rows * weight.columns).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
        let backend = ReferenceBackend()
        let table = try [UInt8](weight.bytes).withUnsafeBytes {
            try backend.upload($0, [weight.rows, weight.columns], dtype)
        }
        let indices = try backend.upload((0..<Int32(weight.rows)).map { $0 })
        let decoded = try backend.readFloats(backend.embedding(indices, table: table))
        #expect(firstMismatch(decoded, expected, relative: 0, absolute: 0) == nil)
    }

    @Test func widensEveryHalf() {
        let wrong = (UInt16.min...UInt16.max).first { bits in
            let (actual, expected) = (WeightDecoding.float(half: bits), Float(Float16(bitPattern: bits)))
            // Whether a NaN is quiet is the processor's business.
            return actual.bitPattern != expected.bitPattern && !(actual.isNaN && expected.isNaN)
        }
        #expect(wrong == nil)
    }
}
