import Foundation
import ModelFiles
import Models
import Monge
import Pictures
import Testing

/// The model that ships against `StableDiffusionPipeline` of diffusers: prompts of its judges, twenty steps with guidance
/// (tools/parity/make_emoji.py).
///
/// Bound: that of ``PicturePipelineTests``.
@Suite struct EmojiModelTests {
    private static let folder = TestModel.fixtures.appending(path: "emoji")
    private static let options = PictureOptions(steps: 20, guidance: 4)

    /// The prompts, the first of which llvmpipe draws, too.
    @Test(arguments: [(DeviceChoice.cpu, 20), (.vulkanIndex(0), 2)])
    func drawsAsDiffusers(device: DeviceChoice, count: Int) throws {
        let reference = try SafetensorsFile(path: Self.folder.appending(path: "reference.safetensors").path)
        let prompts = try JSONDecoder().decode([String].self, from: Data(#require(reference.metadata["prompts"]).utf8))
        #expect(prompts.count == 20)
        let model = try PictureModel.load(
            Self.folder.appending(path: "model"), on: device.open(), options: DiffusionModelOptions(activations: .f32))
        let drawn = try model.draw(
            prompts.prefix(count).enumerated().map { PictureRequest($1, seed: 100 + UInt64($0)) }, options: Self.options)
        let latents = try reference.floats("latents")
        let scale = latents.map(abs).max()!
        let own = drawn.flatMap(\.latents)
        #expect(own.count * prompts.count == latents.count * count)
        let largest = zip(own, latents).map { abs($0 - $1) / scale }.max()!
        #expect(largest <= 1e-3, "latents differ by \(largest)")
        let sheet = try Picture(path: Self.folder.appending(path: "reference.png").path)
        let pixels = drawn.flatMap(\.picture.pixels)
        #expect(pixels.count * prompts.count == sheet.pixels.count * count)
        let far = zip(pixels, sheet.pixels).count { abs(Int($0) - Int($1)) > 1 }
        #expect(far * 1000 <= pixels.count, "\(far) of \(pixels.count) numbers of the pictures differ by more than 1/255")
    }
}
