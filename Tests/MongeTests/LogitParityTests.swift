import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// The whole model against transformers in Float64 on the same dequantised weights (tools/parity/make_logits.py).
///
/// Bound: the same model in Float32 in PyTorch differs from Float64 by 1.1e-4 at most (the fixture's `float32_difference`). Sums here are
/// taken in other orders, 30 layers deep; 2e-3 is the project's promise and leaves a factor of about twenty.
@Suite(.serialized) struct LogitParityTests {
    static let tolerance: Float = 2e-3

    struct Outcome {
        var largest: Float = 0
        var positions = 0
        var wrongTop = 0
    }

    /// Compares the prompts with the fixture: 80 logits and the top token at every position, all logits at some.
    private func compare(_ model: Model, prompts: Range<Int>) throws -> Outcome {
        let fixture = try TestModel.file("smollm2/logits.safetensors")
        let width = model.language.vocabularySize
        var outcome = Outcome()
        for prompt in prompts {
            let key = prompt < 10 ? "0\(prompt)" : "\(prompt)"
            let ids = try fixture.integers("\(key).ids")
            let logits = try model.logits(of: ids)
            let indices = try fixture.integers("\(key).indices")
            let expected = try fixture.floats("\(key).logits")
            let top = try fixture.integers("\(key).top")
            let margins = try fixture.floats("\(key).margins")
            for position in ids.indices {
                let row = logits[position * width..<(position + 1) * width]
                for (column, index) in indices.enumerated() {
                    let difference = abs(row[row.startIndex + Int(index)] - expected[position * indices.count + column])
                    outcome.largest = difference.isNaN ? .infinity : max(outcome.largest, difference)
                }
                let best = row.indices.max { row[$0] < row[$1] }! - row.startIndex
                outcome.positions += 1
                if best != Int(top[position]) && margins[position] > 2 * Self.tolerance { outcome.wrongTop += 1 }
            }
            if fixture.contains(tensor: "\(key).last") {
                for (a, b) in zip(logits.suffix(width), try fixture.floats("\(key).last")) {
                    outcome.largest = max(outcome.largest, abs(a - b))
                }
            }
        }
        return outcome
    }

    private func expectParity(_ model: Model) throws {
        let outcome = try compare(model, prompts: 0..<20)
        #expect(outcome.largest <= Self.tolerance, "largest difference \(outcome.largest) over \(outcome.positions) positions")
        #expect(outcome.wrongTop == 0, "\(outcome.wrongTop) of \(outcome.positions) top tokens differ")
    }

    @Test func fastCPU() throws { try expectParity(TestModel.load(.cpu)) }

    @Test func referenceCPU() throws { try expectParity(TestModel.load(.cpuReference)) }

    @Test func vulkan() throws {
        let (model, device) = try TestModel.loadValidated()
        try expectParity(model)
        #expect(device.validationMessages == [])
    }
}

/// Captured activations against the outputs of the same modules in transformers.
@Suite struct ActivationParityTests {
    /// Differences relative to the site's own scale: Float32 rounding over 30 layers, as for the logits (2e-3 of values around 20).
    static let tolerance: Float = 1e-4

    @Test func sitesHoldWhatTheirModulesGive() throws {
        let model = try TestModel.load(.cpu)
        let fixture = try TestModel.file("smollm2/activations.safetensors")
        let prompts = try JSONDecoder().decode([String].self, from: Data(try #require(fixture.metadata["prompts"]).utf8))
        let sites = fixture.tensorNames.filter { $0.hasPrefix("model.") }
        #expect(sites.count == 16)
        let captured = try model.activations(of: prompts, sites: sites.map { $0.replacing(".", with: #"\."#) })
        #expect(Set(captured.map(\.site)) == Set(sites))
        for site in captured {
            let expected = try fixture.floats(site.site)
            let scale = expected.map(abs).max()!
            for (a, b) in zip(site.values, expected) { #expect(abs(a - b) <= Self.tolerance * scale, "\(site.site)") }
        }
    }
}

/// A Hugging Face folder with untied embeddings, in f32, bf16 and with Llama 3's rotary scaling.
@Suite struct HuggingFaceFolderParityTests {
    /// Two layers of 64 channels: sums of at most 96 products, 2^-24 each, over logits of order 1, and a few layers of them.
    static let tolerance: Float = 2e-5

    @Test(arguments: ["f32", "bf16", "llama3"]) func logits(folder: String) throws {
        let url = TestModel.fixtures.appendingPathComponent("tiny-llama/\(folder)")
        let expected = try SafetensorsFile(path: url.appendingPathComponent("expected.safetensors").path)
        for device in [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)] {
            let backend = try device.open()
            let model = try LanguageModels.load(HuggingFaceFolder(path: url.path), on: backend)
            for prompt in 0..<3 {
                let ids = try expected.integers("\(prompt).ids")
                let batch = try TokenBatch([TokenBatch.Sequence(tokens: ids, slot: 0)], capacity: ids.count, on: backend)
                let hidden = try model.forward(batch, cache: nil, context: ForwardContext(backend: backend), output: .all)
                let logits = try backend.readFloats(model.logits(hidden))
                let scale = max(1, try expected.floats("\(prompt).logits").map(abs).max()!)
                for (a, b) in zip(logits, try expected.floats("\(prompt).logits")) { #expect(abs(a - b) <= Self.tolerance * scale) }
            }
        }
    }
}
