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

/// A model whose norms write f16 and whose products read it, with an f32 residual stream, against the same model in f32.
///
/// Where f32's margin is above the bound (``LogitMargins``), f16 has to have the same first token. A rounding's largest error is one unit of the last
/// place of the number that is rounded (½ to the nearest).
@Suite(.serialized) struct HalfActivationTests {
    private static let passes = 6

    /// All 20 prompts with `MONGE_TEST_PROMPTS=20`; two without.
    private static var prompts: Range<Int> {
        0..<(ProcessInfo.processInfo.environment["MONGE_TEST_PROMPTS"].flatMap(Int.init) ?? 2)
    }

    private static func ids(_ prompt: Int) throws -> [Int32] {
        try TestModel.file("smollm2/logits.safetensors").integers(prompt < 10 ? "0\(prompt).ids" : "\(prompt).ids")
    }

    /// What f32 says of a text.
    /// - Parameter roundsWeights: Whether products round the weights, too.
    private static func margins(_ ids: [Int32], roundsWeights: Bool) throws -> LogitMargins {
        let single = try Model.load("smollm2", device: .cpu, activations: .f32)
        let backend = JitteringBackend(try CPUBackend(), seed: UInt64(ids.count), jittersWeights: roundsWeights)
        let half = try Model.load(ModelCatalogue.locate("smollm2"), on: backend, activations: .f16)
        let (expected, steady) = (try single.logits(of: ids), try half.logits(of: ids))
        backend.isJittering = true
        return try LogitMargins(expected: expected, steady: steady, width: single.language.vocabularySize, passes: passes) {
            backend.forgetWeights()
            return try half.logits(of: ids)
        }
    }

    /// Holds the top tokens of f16 against f32's.
    /// - Parameter logits: Those of a prompt, by its number and tokens.
    private static func compare(_ name: String, roundsWeights: Bool, logits: (Int, [Int32]) throws -> [Float]) throws {
        var agreement = LogitMargins.Agreement()
        for prompt in prompts {
            let ids = try ids(prompt)
            agreement.add(try logits(prompt, ids), to: try margins(ids, roundsWeights: roundsWeights))
        }
        print("\(name): \(agreement)")
        #expect(agreement.wrong == 0)
        // A bound that nothing exceeds would say nothing.
        #expect(agreement.bounded > agreement.all / 4)
    }

    private static func compare(_ model: Model, roundsWeights: Bool) throws {
        #expect(model.language.activations == .f16)
        try compare(model.backend.name, roundsWeights: roundsWeights) { _, ids in try model.logits(of: ids) }
    }

    /// Logits in f16 that `monge logits` has written on another machine or by another driver, `00.safetensors` and on in the folder that
    /// `MONGE_TEST_LOGITS` names, with products on tensor cores.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["MONGE_TEST_LOGITS"] != nil))
    func topTokensFromElsewhere() throws {
        let folder = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["MONGE_TEST_LOGITS"]))
        try Self.compare(folder.path, roundsWeights: true) { prompt, ids in
            let file = try SafetensorsFile(path: folder.appendingPathComponent("\(prompt < 10 ? "0" : "")\(prompt).safetensors").path)
            #expect(try file.integers("token_ids") == ids)
            return try file.floats("logits")
        }
    }

    @Test func topTokensOfTheCPU() throws {
        try Self.compare(Model.load("smollm2", device: .cpu, activations: .f16), roundsWeights: false)
    }

    @Test func topTokensOfVulkan() throws {
        var options = DeviceOptions()
        options.validation = true
        let device = try Device(index: 0, options: options)
        let model = try Model.load(ModelCatalogue.locate("smollm2"), on: VulkanBackend(device: device), activations: .f16)
        try Self.compare(model, roundsWeights: (model.backend as? VulkanBackend)?.matrixInputs != .single)
        #expect(device.validationMessages == [])
    }

    /// Without a word, f16 where the device multiplies it faster: neither the CPU nor a software device does.
    @Test func processorsComputeInSinglePrecision() throws {
        for device in [DeviceChoice.cpu, .vulkanIndex(0)] {
            let model = try Model.load("smollm2", device: device)
            let isSoftware = (model.backend as? VulkanBackend)?.device.report.isSoftware ?? true
            #expect(model.language.activations == (isSoftware ? .f32 : model.backend.preferredActivations))
        }
    }

    @Test func otherTypesAreRefused() throws {
        #expect {
            try Model.load("smollm2", device: .cpu, activations: .bf16)
        } throws: {
            ($0 as? ModelError)?.description.contains("activations of bf16") == true
        }
    }

    /// A number beyond f16's range is infinite where it is stored, and what follows shows it: nothing is clamped.
    @Test func whatIsTooLargeForHalfPrecisionIsInfinite() throws {
        for device in [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)] {
            let backend = try device.open()
            let x = try backend.upload([300, -300, 1, 65_519, 65_520, -1e30, .nan, 0] as [Float], [1, 8])
            let squares = try backend.readFloats(backend.multiply(x, x, as: .f16))
            #expect(squares[0] == .infinity && squares[1] == .infinity && squares[2] == 1, "\(backend.name)")
            let same = try backend.readFloats(backend.scale(x, by: 1, as: .f16))
            #expect(Array(same[3...5]) == [65_504, .infinity, -.infinity] && same[6].isNaN && same[7] == 0, "\(backend.name)")
        }
    }
}
