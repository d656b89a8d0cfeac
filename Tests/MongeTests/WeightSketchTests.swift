import CPUBackend
import Foundation
import ModelFiles
import Models
import Monge
import TestSupport
import Tensors
import Testing
import Transport

/// Copies of a model agree, whatever they are stored in; other models do not, as far as the types can tell.
@Suite struct WeightSketchTests {
    private static let types = ["bf16", "q8_0", "q5_0", "q5_1", "q4_0", "q4_1"]

    private func file(_ name: String) throws -> any LanguageModel {
        try LanguageModels.load(
            GGUFFile(path: TestModel.fixtures.appendingPathComponent("settings/\(name).gguf").path), on: ReferenceBackend())
    }

    /// The plain folder, with some of its matrices changed.
    private func folder(_ change: (_ name: String, _ row: Int, _ column: Int, _ value: Float) -> Float = { $3 }) throws -> any LanguageModel
    {
        let plain = try SettingsFolder.plain()
        let tensors = try SettingsFolder.tensors(plain.tensors).map { entry -> SafetensorsWriter.Entry in
            guard entry.shape.rank == 2 else { return entry }
            let columns = entry.shape[1]
            let bytes = (0..<entry.shape.count).flatMap { index -> [UInt8] in
                let stored = Float16(bitPattern: UInt16(entry.bytes[2 * index]) | UInt16(entry.bytes[2 * index + 1]) << 8)
                return GGUFBuilder.bytes(Float16(change(entry.name, index / columns, index % columns, Float(stored))).bitPattern)
            }
            return SafetensorsWriter.Entry(name: entry.name, shape: entry.shape, dtype: .f16, bytes: bytes)
        }
        return try SettingsFolder.with(config: SettingsFolder.text(plain.config), tensors: tensors) { path in
            let model = try LanguageModels.load(HuggingFaceFolder(path: path), on: ReferenceBackend())
            // While the file is there.
            _ = try model.sketch
            return model
        }
    }

    private func difference(_ a: any LanguageModel, _ b: any LanguageModel) throws -> WeightSketch.Difference? {
        // Equal norms: the older check sees no difference.
        #expect(a.fingerprint == b.fingerprint)
        let (first, second) = (try #require(try a.sketch), try #require(try b.sketch))
        #expect(first.matrices.count == 23 && first.matrices.allSatisfy { $0.values.count == WeightSketch.samples })
        let difference = first.firstDifference(from: second)
        #expect((second.firstDifference(from: first) == nil) == (difference == nil))
        return difference
    }

    /// llama.cpp's package wrote the files: rows of query and key in another order, matrices quantised.
    @Test func copiesAgree() throws {
        let original = try folder()
        #expect(try difference(original, file("gguf-scale-linear")) == nil)
        let copies = try Self.types.map { try file("copy-\($0)") }
        for (type, copy) in zip(Self.types, copies) {
            let difference = try difference(original, copy)
            #expect(difference == nil, "\(type): \(difference.map { "\($0)" } ?? "")")
            for other in copies { #expect(try self.difference(copy, other) == nil) }
        }
    }

    @Test func anotherModelOfEqualNormsDiffers() throws {
        let other = try folder { name, row, column, value in name.contains("layers.2.mlp.down_proj") ? Float(-1 - row % 3) * value : value }
        #expect(try difference(folder(), other)?.matrix == "model.layers.2.mlp.down_proj.weight")
        for type in Self.types { #expect(try difference(file("copy-\(type)"), other) != nil, "\(type)") }
    }

    /// An update of low rank that was added to the weights: found where it exceeds the steps.
    @Test func mergedUpdatesDifferByMoreThanTheSteps() throws {
        func update(_ size: Float) throws -> any LanguageModel {
            try folder { name, row, column, value in
                guard name.contains("self_attn.v_proj") else { return value }
                return value + size * Float(1 - 2 * (row % 2)) * Float(1 - 2 * (column % 2))
            }
        }
        let original = try folder()
        // Weights of deviation 0.27: a step of f16 is 2⁻¹² of them, one of Q8_0 about 0.007, one of four bits about 0.1.
        #expect(try difference(original, update(0.004)) != nil)
        #expect(try difference(file("copy-q8_0"), update(0.05)) != nil)
        #expect(try difference(file("copy-q4_1"), update(0.4)) != nil)
        // What four bits cannot tell.
        #expect(try difference(file("copy-q4_1"), update(0.01)) == nil)
    }

    /// Every element of every copy is within its step of the original, not only the sampled ones.
    @Test func stepsBoundWhatStoringDoes() throws {
        let weights = try TestModel.file("settings/weights.safetensors")
        for type in Self.types {
            let copy = try GGUFFile(path: TestModel.fixtures.appendingPathComponent("settings/copy-\(type).gguf").path)
            for (name, stored) in [
                ("model.embed_tokens", "token_embd"), ("model.layers.0.self_attn.o_proj", "blk.0.attn_output"),
                ("model.layers.1.mlp.up_proj", "blk.1.ffn_up"), ("model.layers.2.mlp.down_proj", "blk.2.ffn_down"),
            ] {
                let original = try weights.tensor(name + ".weight")
                let tensor = try copy.tensor(stored + ".weight")
                #expect(tensor.dtype.rawValue == type)
                var used: Float = 0
                for element in 0..<original.shape.count {
                    let value = Float(original.bytes.loadUnaligned(fromByteOffset: 2 * element, as: Float16.self))
                    let sample = WeightDecoding.sample(tensor.bytes.baseAddress!, tensor.dtype, element: element)
                    used = max(used, abs(sample.value - value) / max(sample.step, .leastNormalMagnitude))
                }
                // Within the steps, and steps no wider than they need to be.
                #expect(used <= 1 && used > 0.2, "\(type) \(name): \(used) of a step")
            }
        }
    }

    private func map(_ model: any LanguageModel, sketch: WeightSketch?) -> TransportMap {
        let site = model.sites[1]
        return TransportMap(
            sites: [TransportMap.Site(name: site.name, map: .identity(channels: site.channels), deadNeurons: 0)],
            description: TransportDescription(
                method: "linear", estimation: .causal, pooling: "mean", support: .all, architecture: model.architecture,
                fingerprint: model.fingerprint, sketch: sketch, sourceName: "a", targetName: "b", sourceCount: 2, targetCount: 2, seed: 0,
                date: "2025-01-01T00:00:00Z"))
    }

    @Test func mapsCarryTheirModelsSketch() throws {
        try SuccessorModel.withFolder { url in
            let model = try Model.load(url, on: DeviceChoice.cpu.open())
            let options = GenerationOptions(tokens: 2, temperature: 0)
            let sketch = try #require(try model.language.sketch)
            let own = map(model.language, sketch: sketch)
            #expect(own.warnings == [])
            try withTemporaryFolder { folder in
                let path = URL(filePath: folder + "/map.safetensors")
                try own.write(to: path)
                #expect(try TransportMap(contentsOf: path) == own)
                // A map of before there were sketches loads, with a word.
                let older = map(model.language, sketch: nil)
                try older.write(to: path)
                let read = try TransportMap(contentsOf: path)
                #expect(read == older && read.warnings == [.withoutSketch])
                _ = try model.generate("A", steering: [read.at(1)], options: options)
            }
            _ = try model.generate("A", steering: [own.at(1)], options: options)
            var other = sketch
            other.matrices[1].values[3] += 0.5
            let error = #expect(throws: MongeError.self) {
                try model.generate("A", steering: [map(model.language, sketch: other).at(1)], options: options)
            }
            #expect(error.map { "\($0)" }?.contains(other.matrices[1].name) == true)
        }
    }
}
