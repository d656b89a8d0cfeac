import Foundation
import Models
import Monge
import Tensors
import Testing
import Transport

/// Pixels that move between clusters like tokens.
@Suite struct ClusterPictureTests {
    private static let source = ["a cat", "a house", "a boat on a lake", "two trees", "a red cup", "an old man"]
    private static let target = source.map { "\($0), a line drawing" }

    private func options(_ spatial: SpatialMode = .pointwise) -> FitOptions {
        FitOptions(
            method: .chars, estimation: .simultaneous, spatial: spatial, clusters: ClusterOptions(count: 2, entropy: 0), seed: 3)
    }

    /// Sites behind group norms, convolutions, layer norms and products.
    @Test(arguments: [DeviceChoice.cpu, .vulkanIndex(0)]) func picturesAreDrawnWithClusters(device: DeviceChoice) throws {
        let model = try PictureModel.load(
            URL(fileURLWithPath: DiffusionFixture.path("sdxl")), on: device.open(), options: DiffusionModelOptions(activations: .f32))
        let map = try model.fit(
            source: Self.source, target: Self.target,
            sites: [#"unet\..*norm.*"#, #"unet\.conv_in"#, #"unet\..*\.ff"#], options: options())
        #expect(map.hasClusters && map.description.spatial == .pointwise)
        #expect(map.sites.contains { $0.name.hasSuffix("conv_in") } && map.sites.contains { $0.name.hasSuffix(".ff") })
        let drawing = PictureOptions(steps: 2, guidance: 5, size: PictureSize(width: 24, height: 16))
        func latents(_ steering: [PictureSteer]) throws -> [Float] {
            try model.draw([PictureRequest("a cat", seed: 5, steering: steering)], options: drawing)[0].latents
        }
        let plain = try latents([])
        let steered = try latents([map.at(1).always])
        #expect(steered != plain && steered.allSatisfy { $0.isFinite })
        func distance(_ other: [Float]) -> Float { zip(other, plain).map { abs($0 - $1) }.max()! }
        #expect(try distance(latents([map.at(0).always])) <= 1e-5 * plain.map(abs).max()!)
        #expect(try distance(latents([map.at(0.1).always])) < distance(steered))
    }

    @Test func channelMeansAreRefused() throws {
        let model = try PictureModel.load(
            URL(fileURLWithPath: DiffusionFixture.path("sdxl")), on: DeviceChoice.cpu.open(),
            options: DiffusionModelOptions(activations: .f32))
        #expect(throws: MongeError.self) {
            try model.fit(source: Self.source, target: Self.target, sites: [#"unet\..*norm.*"#], options: options(.channelMean))
        }
    }
}
