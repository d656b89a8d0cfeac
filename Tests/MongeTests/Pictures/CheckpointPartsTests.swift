import CPUBackend
import Foundation
import ModelFiles
import Models
import Monge
import Pictures
import Tensors
import TestSupport
import Testing

/// Models whose components come from several files, as people collect them, and files that are no model.
@Suite struct CheckpointPartsTests {
    /// CLIP's encoder in GGUF, as stable-diffusion.cpp converts it: the names that the file had, with or without what stands before them there,
    /// norms among the vectors.
    @Test(arguments: ["", "text_encoders.clip_l.transformer."]) func clipInGGUFIsTheFolder(prefix: String) throws {
        let folder = try DiffusersFolder(path: DiffusionFixture.path("flux-dev"))
        let weights = try folder.weights("text_encoder", variant: nil)
        var file = GGUFBuilder()
        for name in weights.tensorNames where !name.hasSuffix("position_ids") {
            let tensor = try weights.tensor(name)
            file.add(
                SafetensorsWriter.Entry(name: name, shape: tensor.shape, dtype: tensor.dtype, bytes: Array(tensor.bytes)), as: prefix + name
            )
        }
        let files = try ReplacedComponents(folder, replacing: ["text_encoder": GGUFFile(file.mapped)])
        let (model, expected) = (try CheckpointTests.load(files), try CheckpointTests.load(folder))
        #expect(model.fingerprint == expected.fingerprint)
        #expect(try CheckpointTests.results(model) == CheckpointTests.results(expected))
    }

    /// All of CLIP's tensors in q8_0, vectors too, as converters leave them that look at types alone: what is decoded is what was quantised.
    @Test func clipInBlocksIsRead() throws {
        let folder = try DiffusersFolder(path: TestModel.fixtures.appending(path: "emoji/model").path)
        let weights = try folder.weights("text_encoder", variant: nil)
        let backend = try CPUBackend()
        var (file, decoded) = (GGUFBuilder(), [SafetensorsWriter.Entry]())
        for name in weights.tensorNames where !name.hasSuffix("position_ids") {
            let tensor = try weights.tensor(name)
            let floats = try backend.readFloats(
                backend.cast(backend.upload(Array(tensor.bytes), tensor.shape, tensor.dtype), to: .f32))
            let extents = tensor.shape.dimensions.reversed().map { UInt64($0) }
            guard tensor.shape.channels % 32 == 0, !name.hasSuffix(".bias") else {
                file.add(tensor: name, extents, type: 1, Array(tensor.bytes))
                decoded.append(.init(name: name, shape: tensor.shape, dtype: tensor.dtype, bytes: Array(tensor.bytes)))
                continue
            }
            let blocks = try Quantiser.quantise(floats, tensor.shape, to: .q8_0)
            file.add(tensor: name, extents, type: 8, blocks)
            decoded.append(
                .init(
                    name: name, shape: tensor.shape,
                    floats: try backend.readFloats(backend.cast(backend.upload(blocks, tensor.shape, .q8_0), to: .f32))))
        }
        try withTemporaryFolder { path in
            try SafetensorsWriter.write(decoded, to: path + "/wide.safetensors")
            func encoded(_ replacement: any TensorFile) throws -> [Float] {
                let model = try CheckpointTests.load(ReplacedComponents(folder, replacing: ["text_encoder": replacement]))
                let pass = try model.encode([PromptTokens(byEncoder: model.textLengths.map { (0..<Int32($0)).map { $0 % 60 } })])
                try pass.run(context: ForwardContext(backend: model.backend))
                return try model.backend.readFloats(pass.conditioning(for: model.usualSize).text)
            }
            let (found, expected) = (
                try encoded(GGUFFile(file.mapped)), try encoded(SafetensorsFile(path: path + "/wide.safetensors"))
            )
            // The same numbers from blocks and from f32: sums in f32 of some hundred products, in another order.
            let scale = expected.map(abs).max()!
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-4 * scale })
        }
    }

    /// FLUX as a folder, as one file, and as a transformer in GGUF with the others in files beside it: the same picture.
    @Test func fluxIsOnePictureInAllLayouts() throws {
        let name = "flux-dev"
        let folder = DiffusionFixture.path(name)
        let options = PictureOptions(steps: 2, size: PictureSize(width: 32, height: 32))
        func draw(_ path: String, _ parts: PictureParts = PictureParts()) throws -> DrawnPicture {
            let model = try PictureModel.load(
                URL(fileURLWithPath: path), parts: parts, on: CPUBackend(), options: DiffusionModelOptions(activations: .f32))
            return try model.draw([PictureRequest("a photograph of a cat", seed: 4)], options: options)[0]
        }
        let expected = try draw(folder)
        try withTemporaryFolder { path in
            try SafetensorsWriter.write(CheckpointTests.original(name), to: path + "/flux.safetensors")
            let whole = try draw(path + "/flux.safetensors", PictureParts(configuration: folder))
            #expect(whole.picture == expected.picture && whole.latents == expected.latents)

            func gguf(_ file: String, _ architecture: String, _ prefix: String, _ rename: (String) -> String) throws -> String {
                var builder = GGUFBuilder()
                builder.add("general.architecture", architecture)
                for entry in try CheckpointTests.original(name, prefixes: [prefix]) {
                    builder.add(entry, as: rename(String(entry.name.dropFirst(prefix.count))))
                }
                try Data(builder.bytes).write(to: URL(fileURLWithPath: "\(path)/\(file)"))
                return "\(path)/\(file)"
            }
            let parts = PictureParts(
                autoencoder: folder + "/vae/diffusion_pytorch_model.safetensors",
                clipL: try gguf("clip_l.gguf", "clip", "text_encoders.clip_l.transformer.") { $0 },
                t5: try gguf("t5.gguf", "t5encoder", "text_encoders.t5xxl.transformer.", CheckpointTests.ggufName), configuration: folder)
            let apart = try draw(gguf("flux.gguf", "flux", "model.diffusion_model.") { $0 }, parts)
            #expect(apart.picture == expected.picture && apart.latents == expected.latents)
        }
    }

    /// A whole file whose UNet takes a mask and a picture beside the latents.
    @Test func inpaintingModelsAreRefusedByName() throws {
        try withTemporaryFolder { path in
            let name = "model.diffusion_model.input_blocks.0.0.weight"
            let entries = try CheckpointTests.original("sd1").map { entry in
                guard entry.name == name else { return entry }
                let shape: Shape = [entry.shape[0], 9, entry.shape[2], entry.shape[3]]
                return .init(name: name, shape: shape, dtype: .f16, bytes: [UInt8](repeating: 0, count: 2 * shape.count))
            }
            try SafetensorsWriter.write(entries, to: path + "/inpainting.safetensors")
            // As its tensors tell its settings, and with the settings of a folder.
            for configuration in [nil, DiffusionFixture.path("sd1")] {
                let error = #expect(throws: ModelError.self) {
                    try CheckpointTests.load(
                        DiffusionCheckpoint(
                            SafetensorsFile(path: path + "/inpainting.safetensors"),
                            configuration: configuration.map { try DiffusersFolder(path: $0) }))
                }
                #expect("\(error!)".contains("inpainting"), "\(error!)")
            }
        }
    }
}
