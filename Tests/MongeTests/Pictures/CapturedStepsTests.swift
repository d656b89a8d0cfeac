import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing
import Transport

/// Activations at several steps of a schedule, and the maps fitted to them, against PyTorch's hooks on diffusers' model (tools/parity/make_steps.py).
///
/// Bounds: activations pass through up to four guided steps before they are captured, each of which multiplies what rounding gave by the scale of
/// guidance; 1e-4 of a site's largest number is what one pass is held to. The slopes of maps are quotients of sums over few samples: 1e-3 of the
/// largest at each site.
@Suite struct CapturedStepsTests {
    private let reference: SafetensorsFile
    private let source: [String]
    private let target: [String]
    private let sites: [String]
    private static let path = DiffusionFixture.path("sd1")
    private static let drawing = PictureOptions(steps: 6, guidance: 5, size: PictureSize(width: 16, height: 16))

    init() throws {
        let file = try SafetensorsFile(path: Self.path + "/steps.safetensors")
        func list(_ key: String) throws -> [String] {
            try JSONDecoder().decode([String].self, from: Data(#require(file.metadata[key]).utf8))
        }
        (source, target, sites) = (try list("source"), try list("target"), try list("sites"))
        reference = file
        #expect(sites.count > 20 && file.metadata["captured"] == "[0, 2, 4]")
    }

    private func model(_ device: DeviceChoice) throws -> PictureModel {
        try PictureModel.load(URL(fileURLWithPath: Self.path), on: device.open(), options: DiffusionModelOptions(activations: .f32))
    }

    private func expectEqual(_ values: [Float], _ name: String, _ bound: Float) throws {
        let expected = try reference.tensor(name).floats()
        #expect(values.count == expected.count, "\(name)")
        let scale = expected.map(abs).max()!
        let largest = zip(values, expected).map { abs($0 - $1) }.max()!
        #expect(largest <= bound * scale, "\(name): \(largest) of \(scale)")
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func activationsOfStepsAgreeWithHooks(device: DeviceChoice) throws {
        let model = try model(device)
        for (side, captions) in [("source", source), ("target", target)] {
            let found = try model.activations(
                of: captions, sites: [#"unet\..*norm.*"#], options: CaptureOptions(steps: 3), seed: 40, drawing: Self.drawing)
            #expect(found.map(\.site) == sites)
            for site in found {
                #expect(site.samples == 3 * captions.count)
                try expectEqual(site.values, "activations.\(side).\(site.site)", 5e-4)
            }
            // The first step alone is fresh noise, which no drawing comes before.
            let first = try model.activations(of: captions, sites: [sites.last!], seed: 40, drawing: Self.drawing)
            #expect(first[0].values == Array(found.last!.values.prefix(first[0].values.count)))
        }
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func causalMapsOfStepsAgreeWithHooks(device: DeviceChoice) throws {
        let map = try model(device).fit(
            source: source, target: target, sites: [#"unet\..*norm.*"#],
            options: FitOptions(support: .all, spatial: .channelMean, capture: CaptureOptions(steps: 3), seed: 40), drawing: Self.drawing)
        #expect(map.sites.map(\.name) == sites && map.description.sourceCount == 3 * source.count)
        for site in map.sites {
            try expectEqual(site.map.omega, "\(site.name).omega", 1e-3)
            try expectEqual(site.map.beta, "\(site.name).beta", 1e-3)
        }
    }

    @Test func numbersOfStepsThatThereAreNotAreRefused() throws {
        let model = try model(.cpu)
        for steps in [0, 7] {
            let error = #expect(throws: MongeError.self) {
                try model.activations(of: source, sites: ["unet.conv_in"], options: CaptureOptions(steps: steps), drawing: Self.drawing)
            }
            #expect(error.map { "\($0)" } == "of 6 steps, \(steps) cannot be captured: give 1 to 6")
        }
    }

    /// What a map does to the prediction with the text alone, guidance makes more of; λ = 0 is no map there, too.
    @Test func mapsActOnTheTextAlone() throws {
        let model = try model(.cpu)
        let map = try model.fit(
            source: source, target: target, sites: [#"unet\..*norm.*"#, #"text_encoder\..*norm.*"#],
            options: FitOptions(method: .mean, spatial: .channelMean))
        func draw(_ strength: Float, _ half: PictureSteer.Half, guidance: Float = 5) throws -> [Float] {
            var options = Self.drawing
            options.guidance = guidance
            return try model.draw([PictureRequest("a cat", steering: [PictureSteer(map.at(strength), half: half)])], options: options)[0]
                .latents
        }
        #expect(try draw(0, .text) == draw(0, .both))
        #expect(try draw(1, .text) != draw(1, .both))
        #expect(try draw(1, .text, guidance: 1) == draw(1, .both, guidance: 1), "without guidance there is one prediction")
    }
}
