import Foundation
import ModelFiles
import Models
import Monge
import TestSupport
import Tensors
import Testing

/// Every family of decoders, from folders and from GGUF files, against transformers in Float64 (tools/parity/make_families.py).
@Suite struct FamilyParityTests {
    struct Cases: Decodable {
        struct Folder: Decodable {
            let name: String
            let weights: String
            let config: String
            let tokens: Int
        }
        struct File: Decodable {
            let name: String
            let expected: String
        }
        let ids: [Int32]
        let rows: [Int]
        let folders: [Folder]
        let files: [File]
    }

    /// Up to six layers of 32 channels: sums of at most 128 products, 2⁻²⁴ each, and norms and angles that transformers computes in Float32,
    /// over logits of up to 11; a few layers of them. The smallest effect of a setting on the logits is 1e-3 (two kinds of GELU).
    static let tolerance: Float = 2e-5

    static func cases() throws -> Cases {
        try JSONDecoder().decode(Cases.self, from: Data(contentsOf: TestModel.fixtures.appendingPathComponent("families/cases.json")))
    }

    static let devices = [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)]

    /// A folder with the settings of a case and its weights.
    static func withFolder<T>(_ item: Cases.Folder, _ body: (HuggingFaceFolder) throws -> T) throws -> T {
        try withTemporaryFolder { folder in
            try Data(item.config.utf8).write(to: URL(filePath: folder + "/config.json"))
            try FileManager.default.copyItem(
                atPath: TestModel.fixtures.appendingPathComponent("families/\(item.weights).safetensors").path,
                toPath: folder + "/model.safetensors")
            return try body(HuggingFaceFolder(path: folder))
        }
    }

    private func expectParity(_ name: String, _ model: any LanguageModel, tokens: Int, _ cases: Cases, _ device: DeviceChoice) throws {
        let expected = try TestModel.file("families/expected.safetensors").floats(name)
        let ids = Array(cases.ids.prefix(tokens))
        let batch = try TokenBatch([TokenBatch.Sequence(tokens: ids, slot: 0)], capacity: tokens, on: model.backend)
        let hidden = try model.forward(batch, cache: nil, context: ForwardContext(backend: model.backend), output: .all)
        let logits = try model.backend.readFloats(model.logits(hidden))
        let width = model.vocabularySize
        let scale = max(1, expected.map(abs).max()!)
        var largest: Float = 0
        for (index, row) in (cases.rows + [tokens - 1]).enumerated() {
            for column in 0..<width {
                let difference = abs(logits[row * width + column] - expected[index * width + column])
                largest = difference.isNaN ? .infinity : max(largest, difference)
            }
        }
        #expect(largest <= Self.tolerance * scale, "\(name) on \(device): \(largest) of \(scale)")
    }

    @Test(arguments: devices) func foldersGiveTheLogitsOfTransformers(device: DeviceChoice) throws {
        let cases = try Self.cases()
        #expect(cases.folders.count == 19)
        let backend = try device.open()
        for item in cases.folders {
            try Self.withFolder(item) { folder in
                let model = try LanguageModels.load(folder, activations: .f32, on: backend)
                try expectParity(item.name, model, tokens: item.tokens, cases, device)
            }
        }
    }

    @Test(arguments: devices) func filesGiveTheLogitsOfTheirFolders(device: DeviceChoice) throws {
        let cases = try Self.cases()
        #expect(cases.files.count == 8)
        let backend = try device.open()
        for item in cases.files {
            let file = try GGUFFile(path: TestModel.fixtures.appendingPathComponent("families/\(item.name).gguf").path)
            let tokens = cases.folders.first { $0.name == item.expected }!.tokens
            try expectParity(
                item.expected, LanguageModels.load(file, activations: .f32, on: backend), tokens: tokens, cases, device)
        }
    }
}
