import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing

/// Models in one file, in the layouts of those who trained them, against the same weights as diffusers folders. That the files' names are the right
/// ones is checked by diffusers' own conversions when the fixture is made (tools/parity/make_checkpoints.py).
@Suite struct CheckpointTests {
    private struct Fixture: Decodable {
        struct Published: Decodable {
            let shapes: [String: [Int]]
        }
        /// By model and original name: how it is made, of which component, from which tensors.
        let names: [String: [String: [String]]]
        let published: [String: Published]
    }

    private static let fixture = Result { try JSONDecoder().decode(Fixture.self, from: TestSupport.fixture("diffusion/checkpoints.json")) }
    static let names = ["sd1", "sd2", "sdxl", "flux-dev"]

    /// The tensors of the original file of a folder.
    static func original(_ name: String, prefixes: [String] = [""]) throws -> [SafetensorsWriter.Entry] {
        let folder = try DiffusersFolder(path: DiffusionFixture.path(name))
        var components: [String: SafetensorsShards] = [:]
        let names = try #require(try fixture.get().names[name]).filter { entry in prefixes.contains { entry.key.hasPrefix($0) } }
        return try names.map { old, entry in
            let component = entry[1]
            let file = try components[component] ?? folder.weights(component, variant: nil)
            components[component] = file
            let parts = try entry.dropFirst(2).map { try file.tensor($0) }
            var shape = parts[0].shape.dimensions
            shape[0] = parts.map { $0.shape[0] }.reduce(0, +)
            var bytes = parts.flatMap { Array($0.bytes) }
            let size = bytes.count / Shape(shape).count
            switch entry[0] {
            case "transposed":
                let (rows, columns) = (shape[0], shape[1])
                bytes = (0..<rows * columns).flatMap { place -> [UInt8] in
                    let start = (place % rows * columns + place / rows) * size
                    return Array(bytes[start..<start + size])
                }
                shape = [columns, rows]
            case "exchanged": bytes = Array(bytes[(bytes.count / 2)...] + bytes[..<(bytes.count / 2)])
            default: break
            }
            return SafetensorsWriter.Entry(name: old, shape: Shape(shape), dtype: parts[0].dtype, bytes: bytes)
        }
    }

    /// What a model makes of fixed texts and latents, and of latents and a picture.
    static func results(_ model: any DiffusionModel) throws -> [[Float]] {
        let backend = model.backend
        let context = ForwardContext(backend: backend)
        let texts = [1, 5].map { seed in
            PromptTokens(byEncoder: model.textLengths.map { length in (0..<Int32(length)).map { ($0 * seed + 3) % 290 } })
        }
        let pass = try model.encode(texts)
        try pass.run(context: context)
        let conditioning = try pass.conditioning(for: PictureSize(width: 16, height: 16))
        var generator = TorchGenerator(seed: 3)
        let side = 16 / model.autoencoder.reduction
        let shape: Shape = [2, side, side, model.autoencoder.latentChannels]
        let latents = try backend.upload(generator.normals(shape.count), shape)
        let step = try model.denoise(latents, timestep: 321, conditioning)
        try step.run(context: context)
        return [
            try backend.readFloats(conditioning.text), try conditioning.pooledText.map(backend.readFloats) ?? [],
            try backend.readFloats(step.output), try backend.readFloats(model.autoencoder.decode(latents)),
        ]
    }

    static func load(_ files: any DiffusionFiles) throws -> any DiffusionModel {
        try DiffusionModels.load(files, options: DiffusionModelOptions(activations: .f32), on: DeviceChoice.cpu.open())
    }

    @Test(arguments: names) func oneFileIsTheFolder(_ name: String) throws {
        try withTemporaryFolder { path in
            let folder = try DiffusersFolder(path: DiffusionFixture.path(name))
            let expected = try Self.load(folder)
            try SafetensorsWriter.write(Self.original(name), to: path + "/model.safetensors")
            let file = try SafetensorsFile(path: path + "/model.safetensors")
            let model = try Self.load(DiffusionCheckpoint(file, configuration: folder))
            #expect(model.fingerprint == expected.fingerprint)
            #expect(model.sites == expected.sites)
            let (found, wanted) = (try #require(try model.sketch), try #require(try expected.sketch))
            #expect(found.firstDifference(from: wanted) == nil)
            #expect(try Self.results(model) == Self.results(expected))
        }
    }

    /// The transformer of FLUX and T5's encoder in GGUF, f16, as they circulate: the rest from the folder.
    @Test func partsInGGUFAreTheFolder() throws {
        try withTemporaryFolder { path in
            let folder = try DiffusersFolder(path: DiffusionFixture.path("flux-dev"))
            let expected = try Self.load(folder)
            var transformer = GGUFBuilder()
            transformer.add("general.architecture", "flux")
            for entry in try Self.original("flux-dev", prefixes: ["model.diffusion_model."]) {
                transformer.add(entry, as: String(entry.name.dropFirst("model.diffusion_model.".count)))
            }
            var encoder = GGUFBuilder()
            encoder.add("general.architecture", "t5encoder")
            for entry in try Self.original("flux-dev", prefixes: ["text_encoders.t5xxl."]) {
                encoder.add(entry, as: Self.ggufName(String(entry.name.dropFirst("text_encoders.t5xxl.transformer.".count))))
            }
            let files = try ReplacedComponents(
                folder, replacing: ["transformer": GGUFFile(transformer.mapped), "text_encoder_2": GGUFFile(encoder.mapped)])
            let model = try Self.load(files)
            #expect(model.fingerprint == expected.fingerprint)
            let (found, wanted) = (try #require(try model.sketch), try #require(try expected.sketch))
            #expect(found.firstDifference(from: wanted) == nil)
            #expect(try Self.results(model) == Self.results(expected))
        }
    }

    /// llama.cpp's names of T5's tensors (`convert_hf_to_gguf.py`).
    static func ggufName(_ name: String) -> String {
        if name == "shared.weight" { return "token_embd.weight" }
        if name == "encoder.final_layer_norm.weight" { return "enc.output_norm.weight" }
        let pairs = [
            "layer.0.SelfAttention.relative_attention_bias": "attn_rel_b", "layer.0.SelfAttention.q": "attn_q",
            "layer.0.SelfAttention.k": "attn_k",
            "layer.0.SelfAttention.v": "attn_v", "layer.0.SelfAttention.o": "attn_o", "layer.0.layer_norm": "attn_norm",
            "layer.1.layer_norm": "ffn_norm", "layer.1.DenseReluDense.wi_0": "ffn_gate", "layer.1.DenseReluDense.wi_1": "ffn_up",
            "layer.1.DenseReluDense.wo": "ffn_down",
        ]
        let parts = name.split(separator: ".")
        let module = parts.dropFirst(3).dropLast().joined(separator: ".")
        return "enc.blk.\(parts[2]).\(pairs[module]!).weight"
    }

    /// Single components in files of their own, in either naming.
    @Test func componentsTakeTheirPlaces() throws {
        try withTemporaryFolder { path in
            let folder = try DiffusersFolder(path: DiffusionFixture.path("sdxl"))
            let expected = try Self.results(Self.load(folder))
            func file(_ name: String, _ entries: [SafetensorsWriter.Entry]) throws -> SafetensorsFile {
                try SafetensorsWriter.write(entries, to: "\(path)/\(name).safetensors")
                return try SafetensorsFile(path: "\(path)/\(name).safetensors")
            }
            func stripped(_ prefix: String) throws -> [SafetensorsWriter.Entry] {
                try Self.original("sdxl", prefixes: [prefix]).map {
                    .init(name: String($0.name.dropFirst(prefix.count)), shape: $0.shape, dtype: $0.dtype, bytes: $0.bytes)
                }
            }
            let replaced = try ReplacedComponents(
                folder,
                replacing: [
                    "unet": file("unet", stripped("model.diffusion_model.")), "vae": file("vae", stripped("first_stage_model.")),
                    "text_encoder": file("l", stripped("conditioner.embedders.0.transformer.")),
                    "text_encoder_2": file("g", stripped("conditioner.embedders.1.model.")),
                ])
            #expect(try Self.results(Self.load(replaced)) == expected)
            // A file in diffusers' own names.
            let plain = try ReplacedComponents(folder, replacing: ["vae": folder.weights("vae", variant: nil)])
            #expect(try Self.results(Self.load(plain)) == expected)
            #expect(throws: ModelError.self) {
                try ReplacedComponents(folder, replacing: ["transformer": file("x", stripped("first_stage_model."))])
            }
            let wrong = try ReplacedComponents(folder, replacing: ["unet": file("vae", stripped("first_stage_model."))])
            #expect(throws: ModelError.self) { try Self.load(wrong) }
        }
    }

    /// Settings that shapes tell are those that the published models were built with.
    @Test(arguments: ["sd1", "sd2", "sdxl", "flux"]) func shapesTellTheSettings(_ family: String) throws {
        let all = try #require(
            JSONDocument(MappedFile(contents: Array(TestSupport.fixture("diffusion/checkpoints.json")), name: "f")).value("published"))
        let published = try #require(all[family])
        try withTemporaryFolder { path in
            // A file of the right size with nothing in it takes no room.
            var offset = 0
            let members = try #require(try Self.fixture.get().published[family]).shapes.sorted { $0.key < $1.key }.map { name, shape in
                let count = shape.reduce(1, *) * 2
                defer { offset += count }
                return "\"\(name)\":{\"dtype\":\"F16\",\"shape\":\(shape),\"data_offsets\":[\(offset),\(offset + count)]}"
            }
            let header = Array("{\(members.joined(separator: ","))}".utf8)
            let place = path + "/model.safetensors"
            try Data(GGUFBuilder.bytes(UInt64(header.count)) + header).write(to: URL(filePath: place))
            let handle = try #require(FileHandle(forWritingAtPath: place))
            try handle.truncate(atOffset: UInt64(8 + header.count + offset))
            try handle.close()
            let checkpoint = try DiffusionCheckpoint(SafetensorsFile(path: place))
            for member in try #require(published["settings"]?.object).members {
                let settings = try checkpoint.settings(member.key, file: "config.json")
                for setting in try #require(member.value.object).members where setting.key != "use_linear_projection" {
                    let found = settings.value(setting.key)
                    // One number for all levels is as good as the same for each.
                    let isSame = found == setting.value || (found?.array.map { Set($0.map(\.integer)) } == [setting.value.integer])
                    let isClose = found?.double != nil && found?.double == setting.value.double
                    #expect(isSame || isClose, "\(family) \(member.key) \(setting.key): \(found as Any) for \(setting.value)")
                }
            }
            let scheduler = try SchedulerRegistry.load(checkpoint.settings("scheduler", file: "scheduler_config.json"))
            #expect(scheduler.displayName == ["sd1": "PLMS", "sd2": "DDIM", "sdxl": "Euler", "flux": "Euler"][family])
        }
    }

    @Test func otherFilesAreRefusedByName() throws {
        try withTemporaryFolder { path in
            func message(_ names: [String: [Int]]) -> String {
                let entries = names.map { name, shape in
                    SafetensorsWriter.Entry(name: name, shape: Shape(shape), floats: [Float](repeating: 0, count: shape.reduce(1, *)))
                }
                do {
                    try SafetensorsWriter.write(entries, to: path + "/file.safetensors")
                    _ = try Self.load(DiffusionCheckpoint(SafetensorsFile(path: path + "/file.safetensors")))
                    return "read"
                } catch { return "\(error)" }
            }
            #expect(message(["lora_unet_down_blocks_0.lora_down.weight": [2, 2]]).contains("LoRA"))
            #expect(message(["unet.down_blocks.0.attn.lora_A.weight": [2, 2]]).contains("LoRA"))
            #expect(message(["control_model.input_blocks.0.0.weight": [2, 2]]).contains("ControlNet"))
            #expect(message(["down_blocks.0.resnets.0.norm1.weight": [2]]).contains("--unet"))
            #expect(message(["decoder.mid.block_1.norm1.weight": [2]]).contains("--vae"))
            #expect(message(["text_model.embeddings.token_embedding.weight": [2, 2]]).contains("--clip-l"))
            #expect(
                message([
                    "conditioner.embedders.0.model.ln_final.weight": [2], "model.diffusion_model.input_blocks.0.0.weight": [2, 4, 3, 3],
                ])
                .contains("refiner"))
            #expect(message(["model.diffusion_model.input_blocks.0.0.weight": [2, 4, 3, 3]]).contains("text encoders"))
            #expect(message(["x": [1]]).contains("none of the tensors"))
            #expect(
                message([
                    "cond_stage_model.transformer.text_model.final_layer_norm.weight": [2],
                    "model.diffusion_model.input_blocks.0.0.weight": [2, 9, 3, 3],
                ])
                .contains("inpainting"))
        }
    }

    /// Whole files broken at random: read and usable, or refused with a sentence.
    @Test(.timeLimit(.minutes(60)), arguments: names) func corruptedFilesAreReadOrRefused(_ name: String) throws {
        try withTemporaryFolder { path in
            let folder = try DiffusersFolder(path: DiffusionFixture.path(name))
            let entries = try Self.original(name)
            try SafetensorsWriter.write(entries, to: path + "/model.safetensors")
            let original = try Array(Data(contentsOf: URL(filePath: path + "/model.safetensors")))
            let header = 8 + Int(original.withUnsafeBytes { $0.load(as: UInt64.self) })
            var random = SplitMix64(seed: 77)
            var read = 0
            for round in 0..<1000 {
                // In the header, where names and shapes are, or a tensor taken out or renamed.
                var bytes = original
                if round % 2 == 0 {
                    bytes.replaceSubrange(
                        8..<header, with: Corruption.corrupt(Array(original[8..<header]), Array(original[8..<header]), &random))
                    Corruption.overwrite(&bytes, 0, UInt64(header - 8 + bytes.count - original.count), width: 8)
                } else {
                    let victim = entries.randomElement(using: &random)!.name
                    let place = try #require(bytes[..<header].firstRange(of: Array("\"\(victim)\"".utf8)))
                    bytes[place.lowerBound + Int.random(in: 1...victim.utf8.count, using: &random)] = UInt8.random(
                        in: 48..<122, using: &random)
                }
                do {
                    let file = try SafetensorsFile(MappedFile(contents: bytes, name: "model.safetensors"))
                    let checkpoint = try DiffusionCheckpoint(file, configuration: round % 3 == 0 ? nil : folder)
                    _ = try DiffusionModels.load(checkpoint, options: DiffusionModelOptions(activations: .f32), on: DeviceChoice.cpu.open())
                    read += 1
                } catch is ModelFileError {} catch is ModelError {} catch is TensorError {}
            }
            #expect(read < 1000)
        }
    }
}

extension GGUFBuilder {
    /// Adds a tensor of a safetensors file, f16 or f32, under another name; vectors as f32, as writers of GGUF do it.
    mutating func add(_ entry: SafetensorsWriter.Entry, as name: String) {
        let isVector = entry.shape.rank == 1 && entry.dtype == .f16
        let bytes =
            isVector
            ? entry.bytes.withUnsafeBytes { $0.bindMemory(to: Float16.self).flatMap { GGUFBuilder.bytes(Float($0).bitPattern) } }
            : entry.bytes
        add(tensor: name, entry.shape.dimensions.reversed().map { UInt64($0) }, type: isVector || entry.dtype == .f32 ? 0 : 1, bytes)
    }
}
