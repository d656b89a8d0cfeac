import CPUBackend
import Foundation
import ModelFiles
import Monge
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// SmolLM2 with activations rounded to 8 bits (``ProductPrecision/fast``) against exact products.
///
/// **The bound** is made as that of ``HalfActivationTests``: a difference of two logits moves by Σ cᵢ·εᵢ, where |εᵢ| ≤ 1 is the i-th rounding's
/// error in half units of its block. Taken as independent and uniform, εᵢ is sub-Gaussian with its own variance, ⅓, and so
/// P(|Σ cᵢ·εᵢ| > λ·σ) ≤ 2·exp(−λ²/2) with σ² = Σ cᵢ²/3. Σ cᵢ² is measured, with every activation moved by half a unit up or down at random
/// (``RoundingJitter``). Where the exact margin is above 8σ of the token that moves most, fast has to have the same first token.
@Suite(.serialized) struct FastProductTests {
    private static let passes = 4

    @Test(arguments: [7, 8])
    func topTokensAreThoseOfExactProducts(prompt: Int) throws {
        let ids = try TestModel.file("smollm2/logits.safetensors").integers("0\(prompt).ids")
        let jitter = RoundingJitter(try CPUBackend(), seed: UInt64(prompt))
        let exact = try Model.load(ModelCatalogue.locate("smollm2"), on: jitter)
        let fast = try Model.load("smollm2", device: .cpu, precision: .fast)
        #expect(fast.backend.precision == .fast && exact.backend.precision == .exact)
        let width = exact.language.vocabularySize
        let expected = try exact.logits(of: ids)
        let logits = try fast.logits(of: ids)
        #expect(logits != expected)
        let tops = ids.indices.map { position in
            (position * width..<(position + 1) * width).max { expected[$0] < expected[$1] }! - position * width
        }
        var squares = [Float](repeating: 0, count: expected.count)
        jitter.isJittering = true
        for _ in 0..<Self.passes {
            let moved = try exact.logits(of: ids)
            for (position, top) in tops.enumerated() {
                let row = position * width
                let own = moved[row + top] - expected[row + top]
                for token in row..<row + width {
                    let difference = own - (moved[token] - expected[token])
                    squares[token] += difference * difference
                }
            }
        }
        var (bounded, wrong, agreeing) = (0, 0, 0)
        var bounds: [Float] = []
        for (position, top) in tops.enumerated() {
            let row = position * width..<(position + 1) * width
            let second = row.lazy.filter { $0 != row.lowerBound + top }.map { expected[$0] }.max()!
            let isSame = row.max { logits[$0] < logits[$1] }! - row.lowerBound == top
            let bound = 8 * (squares[row].max()! / Float(Self.passes) / 3).squareRoot()
            bounds.append(bound)
            agreeing += isSame ? 1 : 0
            guard expected[row.lowerBound + top] - second > bound else { continue }
            bounded += 1
            wrong += isSame ? 0 : 1
        }
        bounds.sort()
        print(
            "prompt \(prompt): \(tops.count) positions, bound \(bounds[bounds.count / 2]) (median), margin above it at \(bounded), "
                + "of which \(bounded - wrong) agree; of all \(agreeing)")
        #expect(wrong == 0)
        #expect(bounded > 0)
    }

    /// A text read at once, in parts, and token by token: the same bits, which exact products have within each of their two paths only.
    @Test func chunksOfAPromptChangeNoBit() throws {
        let model = try Model.load("smollm2", device: .cpu, precision: .fast)
        let ids = Array(try TestModel.file("smollm2/logits.safetensors").integers("00.ids").prefix(20))
        let width = model.language.vocabularySize
        let whole = try model.logits(of: ids)
        for count in [1, 5, 9, 19] {
            let part = try model.logits(of: Array(ids.prefix(count)))
            #expect(part.map(\.bitPattern) == whole[..<(count * width)].map(\.bitPattern), "\(count) tokens")
        }
    }

    /// A Vulkan device multiplies exactly where fast products are asked for, and says so.
    @Test func vulkanDevicesAreExact() throws {
        guard let report = try? VulkanSystem.reports().first(where: \.refusals.isEmpty) else { return }
        let backend = try DeviceChoice.vulkanIndex(report.index).open(precision: .fast)
        #expect(backend.precision == .exact)
    }

    @Test func devicesOfTheCPUObey() throws {
        #expect(try DeviceChoice.cpu.open(precision: .fast).precision == .fast)
        #expect(try DeviceChoice.cpuReference.open(precision: .fast).precision == .fast)
        #expect(try DeviceChoice.cpu.open().precision == .exact)
    }
}
