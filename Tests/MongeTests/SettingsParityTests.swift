import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// What settings of `config.json` and of GGUF metadata do, against transformers 5 in Float64 (tools/parity/make_settings.py).
@Suite struct SettingsParityTests {
    struct Case: Decodable {
        let name: String
        let config: String
        let tensors: [String]
    }

    struct Cases: Decodable {
        let ids: [Int32]
        let rows: [Int]
        let folders: [Case]
        let files: [String]
    }

    /// Three layers of 32 channels: sums of at most 128 products, 2⁻²⁴ each, and frequencies that transformers computes in Float32 (2⁻²⁴ of
    /// an angle of at most 47), over logits of up to 20; a few layers of them. The smallest effect of a setting on the logits is 2.6.
    static let tolerance: Float = 5e-5

    static func cases() throws -> Cases {
        try JSONDecoder().decode(Cases.self, from: Data(contentsOf: TestModel.fixtures.appendingPathComponent("settings/cases.json")))
    }

    static let devices = [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)]

    private func expectParity(_ name: String, _ model: any LanguageModel, _ cases: Cases, _ device: DeviceChoice) throws {
        let expected = try TestModel.file("settings/expected.safetensors").floats(name)
        let batch = try TokenBatch([TokenBatch.Sequence(tokens: cases.ids, slot: 0)], capacity: cases.ids.count, on: model.backend)
        let hidden = try model.forward(batch, cache: nil, context: ForwardContext(backend: model.backend), output: .all)
        let logits = try model.backend.readFloats(model.logits(hidden))
        let width = model.vocabularySize
        let scale = max(1, expected.map(abs).max()!)
        var largest: Float = 0
        for (index, row) in cases.rows.enumerated() {
            for column in 0..<width {
                let difference = abs(logits[row * width + column] - expected[index * width + column])
                largest = difference.isNaN ? .infinity : max(largest, difference)
            }
        }
        #expect(largest <= Self.tolerance * scale, "\(name) on \(device): \(largest) of \(scale)")
    }

    @Test(arguments: devices) func foldersGiveTheLogitsOfTransformers(device: DeviceChoice) throws {
        let cases = try Self.cases()
        #expect(cases.folders.count == 28)
        let backend = try device.open()
        for each in cases.folders {
            try SettingsFolder.with(config: each.config, tensors: SettingsFolder.tensors(each.tensors)) { path in
                let model = try LanguageModels.load(HuggingFaceFolder(path: path), activations: .f32, on: backend)
                try expectParity(each.name, model, cases, device)
            }
        }
    }

    @Test(arguments: devices) func filesGiveTheLogitsOfTheSameSettings(device: DeviceChoice) throws {
        let cases = try Self.cases()
        #expect(cases.files.count == 9)
        let backend = try device.open()
        for name in cases.files {
            let file = try GGUFFile(path: TestModel.fixtures.appendingPathComponent("settings/\(name).gguf").path)
            try expectParity(name, LanguageModels.load(file, activations: .f32, on: backend), cases, device)
        }
    }
}
