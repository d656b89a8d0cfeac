import CPUBackend
import Foundation
import Tensors
import Testing

/// Rounded activations and their products against NumPy and the `gguf` package (tools/parity/make_rounded.py).
@Suite struct RoundedParityTests {
    private struct Product: Decodable {
        let weight, product, size: Data
    }

    private struct Activations: Decodable {
        let rows, columns, outputs: Int
        let x, rounded: Data
    }

    private static let types: [DType] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K]
    private let file: Data

    init() throws { file = try Data(contentsOf: ReferenceFixture.folder.appending(path: "rounded.json")) }

    private func elements<T: BitwiseCopyable>(_ data: Data, _ type: T.Type) -> [T] {
        data.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<T>.size).map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self) }
        }
    }

    @Test func blocksAreRoundedAsNumPyRoundsThem() throws {
        let fixture = try JSONDecoder().decode(Activations.self, from: file)
        let (x, expected) = (elements(fixture.x, Float.self), elements(fixture.rounded, Double.self))
        var values = [Double](repeating: .nan, count: x.count)
        for first in stride(from: 0, to: x.count, by: RoundedActivations.blockElements) {
            let block = Array(x[first..<first + RoundedActivations.blockElements])
            var result = [Double](repeating: .nan, count: block.count)
            block.withUnsafeBufferPointer { RoundedActivations.round($0, into: &result) }
            values.replaceSubrange(first..<first + block.count, with: result)
            let bound = RoundedActivations.largestError(ofBlock: block)
            #expect(zip(result, block).allSatisfy { abs($0 - Double($1)) <= bound })
        }
        #expect(values == expected)
    }

    /// Sums of integers are exact; K/16 sums at most follow, and six roundings of each term (``CheckedOperation`` `linear`).
    @Test(arguments: types)
    func productsAreNumPys(dtype: DType) throws {
        let fixture = try JSONDecoder().decode(Activations.self, from: file)
        let data = try JSONSerialization.jsonObject(with: file) as? [String: Any]
        let entry = try JSONSerialization.data(withJSONObject: #require(data?[dtype.rawValue]))
        let product = try JSONDecoder().decode(Product.self, from: entry)
        let (expected, sizes) = (elements(product.product, Double.self), elements(product.size, Double.self))
        let x = elements(fixture.x, Float.self)
        let shape: Shape = [fixture.outputs, fixture.columns]
        let sets = InstructionSet.allCases.filter(\.isAvailable)
        let backends: [any Backend] =
            try [ReferenceBackend(precision: .fast)] + sets.map { try CPUBackend(threads: 2, instructions: $0, precision: .fast) }
        for backend in backends {
            let weight = try backend.weight([UInt8](product.weight), shape, dtype)
            let y = try backend.readFloats(backend.linear(backend.upload(x, [fixture.rows, fixture.columns]), weight: weight))
            let steps = backend is ReferenceBackend ? 1 : Double(fixture.columns / 16 + 6)
            let wrong = y.indices.first { abs(Double(y[$0]) - expected[$0]) > steps * unitRoundOff * sizes[$0] }
            #expect(y.count == expected.count && wrong == nil, "\(backend.name)")
        }
    }
}
