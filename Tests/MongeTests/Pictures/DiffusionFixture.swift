import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// A small text-to-image model of tools/parity/make_diffusion.py, and what diffusers makes of it.
struct DiffusionFixture: ReferencedModel {
    let folder: DiffusersFolder
    let reference: SafetensorsFile
    let model: StableDiffusion

    /// The pipelines.
    static let names = ["sd1", "sd2", "sdxl", "pooled"]
    static let devices: [DeviceChoice] = [.cpuReference, .cpu, .vulkanIndex(0)]

    static func path(_ name: String) -> String { TestModel.fixtures.appending(path: "diffusion/\(name)").path }

    init(_ name: String, _ device: DeviceChoice) throws {
        folder = try DiffusersFolder(path: Self.path(name))
        reference = try SafetensorsFile(path: Self.path(name) + "/reference.safetensors")
        model = try #require(
            DiffusionModels.load(folder, options: DiffusionModelOptions(activations: .f32), on: device.open()) as? StableDiffusion)
    }

    /// What a UNet is given beside the latents.
    func conditioning(_ text: String = "unet.text", _ pooled: String = "unet.pooled", _ sizes: String = "unet.sizes") throws
        -> DenoisingConditioning
    {
        let hasSizes = reference.contains(tensor: sizes)
        return DenoisingConditioning(
            text: try tensor(text), pooledText: hasSizes ? try tensor(pooled) : nil, sizes: hasSizes ? try reference.floats(sizes) : [])
    }
}
