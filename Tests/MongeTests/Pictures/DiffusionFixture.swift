import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// A small text-to-image model of tools/parity/make_diffusion.py, and what diffusers makes of it.
struct DiffusionFixture {
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

    /// A tensor of the reference on the model's device.
    func tensor(_ name: String) throws -> Tensor { try model.backend.upload(reference.floats(name), reference.tensor(name).shape) }

    /// What a UNet is given beside the latents.
    func conditioning(_ text: String = "unet.text", _ pooled: String = "unet.pooled", _ sizes: String = "unet.sizes") throws
        -> DenoisingConditioning
    {
        let hasSizes = reference.contains(tensor: sizes)
        return DenoisingConditioning(
            text: try tensor(text), pooledText: hasSizes ? try tensor(pooled) : nil, sizes: hasSizes ? try reference.floats(sizes) : [])
    }

    /// The sites in the order in which diffusers comes to them.
    var sites: [String] {
        get throws { try JSONDecoder().decode([String].self, from: Data(#require(reference.metadata["sites"]).utf8)) }
    }

    /// Compares with the reference, relative to its largest number.
    func expectEqual(_ values: [Float], _ name: String, _ tolerance: Float, _ what: String = "") throws {
        let expected = try reference.floats(name)
        #expect(values.count == expected.count, "\(name) \(what)")
        let scale = max(expected.map(abs).max() ?? 0, .leastNormalMagnitude)
        let largest = zip(values, expected).map { abs($0 - $1).isNaN ? .infinity : abs($0 - $1) / scale }.max() ?? .infinity
        #expect(largest <= tolerance, "\(name) \(what): \(largest)")
    }
}
