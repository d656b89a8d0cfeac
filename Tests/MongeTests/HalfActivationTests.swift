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
/// **The bound.** To first order, the difference of two logits moves by Σ cᵢ·εᵢ, where εᵢ is the error of the i-th rounding in units of
/// the last place of the number that is rounded, and cᵢ what that unit does to the difference, through all later layers. Rounding leaves
/// |εᵢ| ≤ 1 (½ to the nearest). Taken as independent and of mean zero, as everywhere in this project (``CrossCheck``'s `RoundOff`),
/// Hoeffding's inequality gives P(|Σ cᵢ·εᵢ| > λ·σ) ≤ 2·exp(−λ²/2) with σ² = Σ cᵢ². σ is measured: it is the deviation of the difference
/// when every rounded number is moved by one unit up or down at random (``JitteringBackend``; εᵢ = ±1, of variance 1), which asks of no
/// layer how it passes errors on. λ = 8 leaves 10⁻¹³.
///
/// Of every position the largest σ over the whole vocabulary is taken, from a few passes, for whatever token may overtake the first: where
/// f32's margin is above 8σ, f16 has to have the same first token. Nothing is said of the rest.
@Suite(.serialized) struct HalfActivationTests {
    private static let lambda: Float = 8
    private static let passes = 6

    /// All 20 prompts with `MONGE_TEST_PROMPTS=20`; two without.
    private static var prompts: Range<Int> {
        0..<(ProcessInfo.processInfo.environment["MONGE_TEST_PROMPTS"].flatMap(Int.init) ?? 2)
    }

    /// What f32 says of a position, and how far f16 may be from it.
    private struct Position {
        let top: Int
        let margin: Float
        /// 8σ.
        let bound: Float
    }

    private static func ids(_ prompt: Int) throws -> [Int32] {
        try TestModel.file("smollm2/logits.safetensors").integers(prompt < 10 ? "0\(prompt).ids" : "\(prompt).ids")
    }

    /// The positions of a prompt.
    /// - Parameter weights: Whether products round the weights, too.
    private static func positions(_ ids: [Int32], roundsWeights: Bool) throws -> [Position] {
        let single = try Model.load("smollm2", device: .cpu, activations: .f32)
        let backend = JitteringBackend(try CPUBackend(), seed: UInt64(ids.count), jittersWeights: roundsWeights)
        let half = try Model.load(ModelCatalogue.locate("smollm2"), on: backend, activations: .f16)
        let width = single.language.vocabularySize
        let expected = try single.logits(of: ids)
        let steady = try half.logits(of: ids)
        let tops = ids.indices.map { position in
            (position * width..<(position + 1) * width).max { expected[$0] < expected[$1] }! - position * width
        }
        // Σ over the passes of the square of what each difference moved by.
        var squares = [Float](repeating: 0, count: steady.count)
        backend.isJittering = true
        for _ in 0..<passes {
            backend.forgetWeights()
            let moved = try half.logits(of: ids)
            for (position, top) in tops.enumerated() {
                let row = position * width
                let own = moved[row + top] - steady[row + top]
                for token in row..<row + width {
                    let difference = own - (moved[token] - steady[token])
                    squares[token] += difference * difference
                }
            }
        }
        return ids.indices.map { position in
            let row = position * width..<(position + 1) * width
            let top = tops[position]
            let second = row.lazy.filter { $0 != row.lowerBound + top }.map { expected[$0] }.max()!
            let deviation = (squares[row].max()! / Float(passes)).squareRoot()
            return Position(top: top, margin: expected[row.lowerBound + top] - second, bound: lambda * deviation)
        }
    }

    /// The top tokens of f16, where the margins exceed the bound; how many positions those are, and how many of all agree.
    /// - Parameter logits: Those of a prompt, by its number and tokens.
    private static func compare(_ name: String, roundsWeights: Bool, logits: (Int, [Int32]) throws -> [Float]) throws {
        var (all, bounded, agreeing, wrong) = (0, 0, 0, 0)
        var bounds: [Float] = []
        for prompt in prompts {
            let ids = try ids(prompt)
            let positions = try positions(ids, roundsWeights: roundsWeights)
            let logits = try logits(prompt, ids)
            let width = logits.count / ids.count
            for (index, position) in positions.enumerated() {
                let row = index * width..<(index + 1) * width
                let isSame = row.max { logits[$0] < logits[$1] }! - row.lowerBound == position.top
                all += 1
                agreeing += isSame ? 1 : 0
                bounds.append(position.bound)
                guard position.margin > position.bound else { continue }
                bounded += 1
                wrong += isSame ? 0 : 1
            }
        }
        bounds.sort()
        print(
            "\(name): \(all) positions, bound \(bounds[bounds.count / 2]) (median), margin above it at \(bounded), "
                + "of which \(bounded - wrong) agree; of all \(agreeing)")
        #expect(wrong == 0)
        // A bound that nothing exceeds would say nothing.
        #expect(bounded > all / 4)
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
