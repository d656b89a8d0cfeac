import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing

/// Pictures of models in files of other layouts, and FLUX's pipeline against diffusers'.
@Suite struct PictureFilesTests {
    private static let prompts = ["a line drawing of a cat", "A small red house!", "two cats with a heart on top of the house"]

    private static func load(_ path: String, _ parts: PictureParts = PictureParts(), _ device: DeviceChoice = .cpu) throws -> PictureModel {
        try PictureModel.load(
            URL(fileURLWithPath: path), parts: parts, on: device.open(), options: DiffusionModelOptions(activations: .f32))
    }

    /// Bound: as for ``PicturePipelineTests``.
    @Test(arguments: FluxFixture.names, [DeviceChoice.cpu, .vulkanIndex(0)])
    func fluxAgrees(name: String, device: DeviceChoice) throws {
        let model = try Self.load(DiffusionFixture.path(name), PictureParts(), device)
        let reference = try SafetensorsFile(path: DiffusionFixture.path(name) + "/reference.safetensors")
        let noise = try reference.floats("pipeline.start")
        let count = noise.count / 3
        let requests = Self.prompts.enumerated().map { index, prompt in
            PictureRequest(prompt, noise: Array(noise[index * count..<(index + 1) * count]))
        }
        let drawn = try model.draw(
            requests, options: PictureOptions(steps: 4, guidance: name == "flux-dev" ? 3.5 : 1, size: PictureSize(width: 24, height: 16)))
        let latents = try reference.floats("pipeline.latents")
        let found = drawn.flatMap(\.latents)
        let scale = latents.map(abs).max()!
        #expect(found.count == latents.count)
        #expect(zip(found, latents).map { abs($0 - $1) }.max()! <= 1e-3 * scale)
        let expected = try reference.floats("pipeline.picture").map { UInt8(($0 * 255).rounded(.toNearestOrEven)) }
        let pixels = drawn.flatMap(\.picture.pixels)
        #expect(pixels.count == expected.count)
        let close = zip(pixels, expected).count { abs(Int($0) - Int($1)) <= 1 }
        #expect(Double(close) >= 0.999 * Double(expected.count))
    }

    private static func pictures(_ model: PictureModel) throws -> [[UInt8]] {
        try model.draw(
            prompts.enumerated().map { PictureRequest($1, seed: UInt64($0)) },
            options: PictureOptions(steps: 3, size: PictureSize(width: 24, height: 16))
        ).map(\.picture.pixels)
    }

    @Test(arguments: CheckpointTests.names) func oneFileDrawsTheSame(_ name: String) throws {
        try withTemporaryFolder { path in
            let folder = DiffusionFixture.path(name)
            try SafetensorsWriter.write(CheckpointTests.original(name), to: path + "/model.safetensors")
            #expect(PictureModel.isPictureModel(URL(fileURLWithPath: path + "/model.safetensors")))
            let expected = try Self.pictures(Self.load(folder))
            let found = try Self.pictures(Self.load(path + "/model.safetensors", PictureParts(configuration: folder)))
            #expect(found == expected)
            // Files in parts, the network in one and the rest in others.
            let network = try CheckpointTests.original(name, prefixes: ["model.diffusion_model."])
            try SafetensorsWriter.write(network, to: path + "/network.safetensors")
            let isFlux = name == "flux-dev"
            let parts = PictureParts(
                network: path + "/network.safetensors", autoencoder: path + "/model.safetensors", clipL: path + "/model.safetensors",
                clipG: name == "sdxl" ? path + "/model.safetensors" : nil, t5: isFlux ? path + "/model.safetensors" : nil)
            #expect(try Self.pictures(Self.load(folder, parts)) == expected)
        }
    }

    @Test func negativePromptsNeedASecondPass() throws {
        let model = try Self.load(DiffusionFixture.path("flux-dev"))
        let error = #expect(throws: MongeError.self) { try model.draw([PictureRequest("a cat", negative: "blurred")]) }
        #expect("\(error as Any)".contains("negative prompt"))
    }

    @Test func whatDoesNotFitIsRefused() throws {
        try withTemporaryFolder { path in
            func message(_ model: String, _ parts: PictureParts = PictureParts()) -> String {
                do {
                    _ = try Self.load(model, parts)
                    return "read"
                } catch { return "\(error)" }
            }
            let (sdxl, flux) = (DiffusionFixture.path("sdxl"), DiffusionFixture.path("flux-dev"))
            let weights = DiffusionFixture.path("sd1") + "/unet/diffusion_pytorch_model.safetensors"
            #expect(message(sdxl, PictureParts(t5: weights)).contains("--clip-g"))
            #expect(message(flux, PictureParts(clipG: weights)).contains("--t5"))
            #expect(message(sdxl, PictureParts(configuration: flux)).contains("--config"))
            #expect(message(sdxl, PictureParts(network: weights)).contains("tensor"))
            #expect(message(sdxl, PictureParts(autoencoder: weights)).contains("AutoencoderKL"))
            #expect(message(weights).contains("--unet"))
            // A pickle, as PyTorch writes it: a ZIP archive with a file data.pkl.
            let pickle = path + "/model.ckpt"
            try Data([0x50, 0x4B, 3, 4, 0, 0, 0, 0] + Array(repeating: 0, count: 22) + Array("archive/data.pkl".utf8)).write(
                to: URL(fileURLWithPath: pickle))
            #expect(message(pickle).contains("convert it to safetensors"))
            #expect(message(path + "/nothing").contains("nothing"))
        }
    }
}
