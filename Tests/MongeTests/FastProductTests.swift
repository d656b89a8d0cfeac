import CPUBackend
import CrossCheck
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing
import VulkanBackend
import VulkanRuntime

/// SmolLM2 with activations rounded to 16 bits (``ProductPrecision/fast``) against exact products.
///
/// Where the exact margin is above the bound (``LogitMargins``), fast has to have the same first token. A rounding's largest error is half a unit of
/// its block; errors are uniform.
@Suite(.serialized) struct FastProductTests {
    private static let passes = 4

    @Test(arguments: [7, 8])
    func topTokensAreThoseOfExactProducts(prompt: Int) throws {
        let ids = try TestModel.file("smollm2/logits.safetensors").integers("0\(prompt).ids")
        try expectTopTokens(ids, of: Model.load("smollm2", device: .cpu, precision: .fast), prompt: prompt)
    }

    /// The kernels of graphics processors, which round the few rows of a short prompt.
    @Test func topTokensOnVulkanAreThoseOfExactProducts() throws {
        let ids = Array(try TestModel.file("smollm2/logits.safetensors").integers("07.ids").prefix(12))
        var options = DeviceOptions()
        options.validation = true
        let device = try Device(index: 0, options: options)
        let backend = try VulkanBackend(device: device, family: .tiles, matrix: MatrixOptions(.only(.scalar), precision: .fast))
        #expect(backend.roundsActivations(rows: ids.count, channels: 576, weight: .q4_1))
        try expectTopTokens(ids, of: Model.load(ModelCatalogue.locate("smollm2"), on: backend), prompt: 7)
        #expect(device.validationMessages == [])
    }

    private func expectTopTokens(_ ids: [Int32], of fast: Model, prompt: Int) throws {
        let jittering = JitteringBackend(try CPUBackend(), seed: UInt64(prompt), rounds: { $2.isQuantised })
        let exact = try Model.load(ModelCatalogue.locate("smollm2"), on: jittering)
        #expect(fast.backend.precision == .fast && exact.backend.precision == .exact)
        let (expected, logits) = (try exact.logits(of: ids), try fast.logits(of: ids))
        #expect(logits != expected)
        jittering.isJittering = true
        let margins = try LogitMargins(
            expected: expected, steady: expected, width: exact.language.vocabularySize, passes: Self.passes, variance: 1.0 / 3
        ) { try exact.logits(of: ids) }
        var agreement = LogitMargins.Agreement()
        agreement.add(logits, to: margins)
        print("prompt \(prompt): \(agreement)")
        #expect(agreement.wrong == 0)
        #expect(agreement.bounded > 0)
    }

    /// The beginnings of a text, read without what follows: the same bits.
    @Test(arguments: ProductPrecision.allCases) func whatFollowsChangesNoBit(precision: ProductPrecision) throws {
        let model = try Model.load("smollm2", device: .cpu, precision: precision)
        let ids = Array(try TestModel.file("smollm2/logits.safetensors").integers("00.ids").prefix(20))
        let width = model.language.vocabularySize
        let whole = try model.logits(of: ids)
        for count in [1, 5, 9, 19] {
            let part = try model.logits(of: Array(ids.prefix(count)))
            #expect(part.map(\.bitPattern) == whole[..<(count * width)].map(\.bitPattern), "\(count) tokens")
        }
    }

    /// A prompt read in chunks, down to single tokens, over the keys in a cache: the bits of the prompt at once.
    @Test(arguments: ProductPrecision.allCases) func chunksOfAPromptChangeNoBit(precision: ProductPrecision) throws {
        let model = try Model.load("smollm2", device: .cpu, precision: precision)
        let language = model.language
        let ids = Array(try TestModel.file("smollm2/logits.safetensors").integers("00.ids").prefix(20))
        func read(chunks size: Int) throws -> [UInt32] {
            let cache = try language.makeCache(slots: 1, capacity: ids.count)
            return try stride(from: 0, to: ids.count, by: size).flatMap { start in
                let chunk = TokenBatch.Sequence(tokens: Array(ids[start..<min(start + size, ids.count)]), start: start, slot: 0)
                let batch = try TokenBatch([chunk], capacity: ids.count, on: model.backend)
                let hidden = try language.forward(batch, cache: cache, context: ForwardContext(backend: model.backend), output: .all)
                return try model.backend.readFloats(language.logits(hidden)).map(\.bitPattern)
            }
        }
        let whole = try read(chunks: ids.count)
        for size in [1, 2, 3, 9] { #expect(try read(chunks: size) == whole, "chunks of \(size)") }
    }

    /// A Vulkan device on which products of bytes gain nothing multiplies exactly where fast products are asked for, and says so.
    @Test func vulkanDevicesSayWhatTheyDo() throws {
        guard let report = try? VulkanSystem.reports().first(where: \.refusals.isEmpty) else { return }
        let choice = DeviceChoice.vulkanIndex(report.index)
        let gains = !report.isSoftware && VulkanBackend.multipliesBytes(report)
        #expect(try choice.open(precision: .fast).precision == (gains ? .fast : .exact))
        #expect(try choice.open(precision: .fast, onVulkan: .exact).precision == .exact)
    }

    @Test func devicesOfTheCPUObey() throws {
        #expect(try DeviceChoice.cpu.open(precision: .fast).precision == .fast)
        #expect(try DeviceChoice.cpuReference.open(precision: .fast).precision == .fast)
        #expect(try DeviceChoice.cpu.open().precision == .exact)
    }
}
