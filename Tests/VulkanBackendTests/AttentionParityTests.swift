import CPUBackend
import Foundation
import ModelFiles
import Tensors
import Testing
import VulkanBackend

/// Attention against PyTorch in Float64 (tools/parity/make_attention.py), on every path: the reference, the kernels of every instruction
/// set, every layout of kernels on Vulkan.
///
/// With u = 2⁻²⁴, a score errs by δ = (D + 3)·u·|scale|·|q||k|, 8u of the soft cap and u of what a bias is added to; a weight by 2δ, by
/// (8 + 6·|s − max|)·u of the exponential and 5T·u of the sums over T keys (the bounds of the cross-check, with the norms of whole rows);
/// the result by that times max|v|. A result in f16 is up to 3·2⁻¹¹ of its value further away, or 2⁻²⁴.
@Suite struct AttentionParityTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/attention.safetensors")

    /// The types of queries and result, and of keys and values.
    private static let types: [(queries: DType, keys: DType)] = [(.f32, .f32), (.f32, .f16), (.f16, .f16)]

    @Test func everyPathAgreesWithPyTorch() throws {
        let file = try SafetensorsFile(path: Self.file.path)
        let text = try #require(file.metadata["options"])
        let options = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String: Any]])
        #expect(options.count == 16)
        for backend in try everyPath() {
            for (index, name) in options.keys.sorted().enumerated() {
                // Each type of each case is a kernel to compile, and the cross-check has them all: on Vulkan they take turns.
                for types in backend is VulkanBackend ? [Self.types[index % 3]] : Self.types {
                    try check(AttentionFixture(name, file, try #require(options[name])), types, backend)
                }
            }
        }
    }

    private func check(_ fixture: AttentionFixture, _ types: (queries: DType, keys: DType), _ backend: any Backend) throws {
        let result = try backend.attention(
            fixture.tensor("queries", types.queries, on: backend), keys: fixture.tensor("keys", types.keys, on: backend),
            values: fixture.tensor("values", types.keys, on: backend), keyLengths: fixture.keyLengths, scale: fixture.scale,
            causal: fixture.causal, window: fixture.window, softCap: fixture.softCap,
            bias: fixture.hasBias ? fixture.tensor("bias", types.keys, on: backend) : nil)
        #expect(result.dtype == types.queries)
        let tolerance = try fixture.tolerance()
        let expected = try fixture.elements("output")
        for (index, value) in try backend.readFloats(result).enumerated() {
            let storing = types.queries == .f16 ? 3 * 0x1p-11 * abs(Double(expected[index])) + 0x1p-24 : 0
            let error = abs(Double(value) - Double(expected[index]))
            if !(error <= tolerance + storing) {
                Issue.record("\(fixture.name), \(types), \(backend.name): element \(index) is \(value), expected \(expected[index])")
                return
            }
        }
    }
}

/// One case of the file.
private struct AttentionFixture {
    let name: String
    let file: SafetensorsFile
    let scale: Float
    let causal: Bool
    let window: Int?
    let softCap: Float?
    let keyLengths: [Int]

    init(_ name: String, _ file: SafetensorsFile, _ options: [String: Any]) throws {
        self.name = name
        self.file = file
        scale = Float(try #require(options["scale"] as? Double))
        causal = try #require(options["causal"] as? Bool)
        window = options["window"] as? Int
        softCap = (options["softCap"] as? Double).map(Float.init)
        let lengths = try file.tensor("\(name).key_lengths")
        keyLengths = withExtendedLifetime(lengths.owner) { lengths.bytes.bindMemory(to: Int32.self).map(Int.init) }
    }

    var hasBias: Bool { file.contains(tensor: "\(name).bias") }

    func elements(_ tensor: String) throws -> [Float] {
        let tensor = try file.tensor("\(name).\(tensor)")
        if tensor.dtype == .f32 { return try tensor.floats() }
        return withExtendedLifetime(tensor.owner) { tensor.bytes.bindMemory(to: Float16.self).map(Float.init) }
    }

    /// The numbers of the file are f16 numbers.
    func tensor(_ tensor: String, _ dtype: DType, on backend: any Backend) throws -> Tensor {
        let (elements, shape) = (try elements(tensor), try file.tensor("\(name).\(tensor)").shape)
        return try backend.upload(elements, shape, dtype)
    }

    func tolerance() throws -> Double {
        let unit = 0x1p-24
        let channels = try file.tensor("\(name).queries").shape.channels
        func largestNorm(_ tensor: String) throws -> Double {
            let values = try elements(tensor).map(Double.init)
            return stride(from: 0, to: values.count, by: channels)
                .map { row in values[row..<row + channels].reduce(0) { $0 + $1 * $1 }.squareRoot() }.max()!
        }
        let largestScore = abs(Double(scale)) * (try largestNorm("queries")) * (try largestNorm("keys"))
        let finiteBias = hasBias ? try elements("bias").filter(\.isFinite).map { abs(Double($0)) }.max() ?? 0 : 0
        let range = min(largestScore, softCap.map(Double.init) ?? .infinity) + finiteBias
        let score = Double(channels + 3) * unit * largestScore + 8 * unit * Double(softCap ?? 0) + (hasBias ? unit * range : 0)
        let largestValue = try elements("values").map { abs(Double($0)) }.max()!
        return largestValue * (2 * score + (8 + 6 * 2 * range + 5 * Double(keyLengths.max()!)) * unit)
    }
}
