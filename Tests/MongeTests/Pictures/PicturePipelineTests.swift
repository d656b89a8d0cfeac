import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing
import Transport

/// Whole pipelines against diffusers' on the same weights, from the same noise (tools/parity/make_diffusion.py).
///
/// Bound: latents ≤ 1e-3 of the largest number and 99.9 % of a picture's numbers within 1/255 are the project's promise: a step's error, 1e-4 at
/// most, is multiplied by guidance and carried on through four steps.
@Suite struct PicturePipelineTests {
    private static let prompts = ["a line drawing of a cat", "A small red house!", "two cats with a heart on top of the house"]
    private static let options = PictureOptions(steps: 4, guidance: 5, size: PictureSize(width: 24, height: 16))

    private func model(_ name: String, _ device: DeviceChoice = .cpu) throws -> PictureModel {
        try PictureModel.load(
            URL(fileURLWithPath: DiffusionFixture.path(name)), on: device.open(), options: DiffusionModelOptions(activations: .f32))
    }

    /// The sites that a fit takes when none are named are those of the model's family, and all of them are there.
    @Test func defaultSitesSuitTheFamily() throws {
        #expect(try model("sdxl").defaultSites == [#"unet\..*norm.*"#])
        #expect(
            try model("flux-dev").defaultSites
                == [#"transformer\.transformer_blocks\.[0-9]+:[01]"#, #"transformer\.single_transformer_blocks\.[0-9]+:[01]"#])
    }

    @Test(arguments: DiffusionFixture.names, [DeviceChoice.cpu, .vulkanIndex(0)])
    func pipelinesAgree(name: String, device: DeviceChoice) throws {
        let model = try model(name, device)
        let reference = try SafetensorsFile(path: DiffusionFixture.path(name) + "/reference.safetensors")
        let noise = try reference.floats("pipeline.start")
        let count = noise.count / 3
        let requests = Self.prompts.enumerated().map { index, prompt in
            PictureRequest(
                prompt, negative: "blurred", seed: 7 + UInt64(index), noise: Array(noise[index * count..<(index + 1) * count]))
        }
        var warnings: [String] = []
        let pictures = try model.draw(requests, options: Self.options, warn: { warnings.append($0) })
        #expect(warnings.count == 1 && warnings[0].contains("top of the house"), "one prompt is too long: \(warnings)")
        let latents = try reference.floats("pipeline.latents")
        let scale = latents.map(abs).max()!
        let largest = zip(pictures.flatMap(\.latents), latents).map { abs($0 - $1) / scale }.max()!
        #expect(largest <= 1e-3, "latents differ by \(largest)")
        let expected = try reference.floats("pipeline.picture").map { UInt8(($0 * 255).rounded(.toNearestOrEven)) }
        let pixels = pictures.flatMap(\.picture.pixels)
        #expect(pixels.count == expected.count)
        let far = zip(pixels, expected).count { abs(Int($0) - Int($1)) > 1 }
        #expect(far * 1000 <= expected.count, "\(far) of \(expected.count) numbers of the pictures differ by more than 1/255")
        // Noise of a seed is that of PyTorch.
        let drawn = try model.draw([PictureRequest(Self.prompts[1], negative: "blurred", seed: 8)], options: Self.options)[0]
        #expect(zip(drawn.noise, noise[count..<2 * count]).allSatisfy { abs($0 - $1) <= 4e-6 })
        #expect(zip(drawn.picture.pixels, pictures[1].picture.pixels).count { abs(Int($0) - Int($1)) > 1 } == 0)
    }

    /// A map of random numbers at all norms of the UNet and of the text encoder.
    private func map(_ model: PictureModel, _ spatial: SpatialMode = .channelMean, _ matching: (String) -> Bool = { $0.contains("norm") })
        -> TransportMap
    {
        var random = SplitMix64(seed: 3)
        return TransportMap(
            sites: model.diffusion.sites.filter { matching($0.name) }.map { site in
                let numbers = (0..<2 * site.channels).map { _ in Float.random(in: -0.3...0.3, using: &random) }
                return TransportMap.Site(
                    name: site.name,
                    map: AffineMap(
                        omega: numbers[..<site.channels].map { 1 + $0 }, beta: Array(numbers[site.channels...]),
                        low: [Float](repeating: -.infinity, count: site.channels), high: [Float](repeating: .infinity, count: site.channels)
                    ),
                    deadNeurons: 0)
            },
            description: TransportDescription(
                method: "linear", estimation: .causal, pooling: "mean", support: .all, spatial: spatial,
                architecture: model.diffusion.architecture, fingerprint: model.diffusion.fingerprint, sourceName: "a", targetName: "b",
                sourceCount: 2, targetCount: 2, seed: 0, date: ""))
    }

    /// λ = 0 is no map, bit for bit, and batch-mates with other strengths change nothing.
    @Test(arguments: ["sd1", "pooled"], [DeviceChoice.cpu, .vulkanIndex(0)])
    func strengthsShareABatch(name: String, device: DeviceChoice) throws {
        let model = try model(name, device)
        let map = map(model)
        func request(_ steering: [PictureSteer]) -> PictureRequest { PictureRequest(Self.prompts[0], seed: 3, steering: steering) }
        let strengths: [Float] = [0, 0.5, -1, 1]
        let plain = try model.draw(strengths.map { _ in request([]) }, options: Self.options)
        let strip = try model.draw(strengths.map { request([map.at($0).always]) }, options: Self.options)
        #expect(strip[0].latents == plain[0].latents && strip[0].picture.pixels == plain[0].picture.pixels, "λ = 0 is no map")
        #expect(Set(strip.map(\.latents)).count == 4, "every other strength is another picture")
        let reversed = try model.draw(strengths.reversed().map { request([map.at($0).always]) }, options: Self.options)
        #expect(reversed.reversed().map(\.latents) == strip.map(\.latents), "batch-mates change nothing")
    }

    /// A map acts at the steps of its range, and ranges that follow each other make up the whole.
    @Test func rangesOfStepsAreKept() throws {
        let model = try model("sd1")
        // The text is encoded anew where a map acts on it.
        let map = map(model, .channelMean) { $0.hasPrefix("unet.down") || $0.hasPrefix("text_encoder") && $0.hasSuffix("layer_norm1") }
        func draw(_ steering: [PictureSteer]) throws -> [Float] {
            try model.draw([PictureRequest(Self.prompts[0], seed: 3, steering: steering)], options: Self.options)[0].latents
        }
        let always = try draw([map.at(0.7).always])
        #expect(try draw([map.at(0.7).during(0..<0.5), map.at(0.7).during(0.5..<1)]) == always)
        let early = try draw([map.at(0.7).during(0..<0.5)])
        let late = try draw([map.at(0.7).during(0.5..<1)])
        let plain = try draw([])
        #expect(Set([always, early, late, plain]).count == 4)
        #expect(try draw([map.at(0.7).during(0.8..<0.9)]) == plain, "no step of four begins there")
    }

    /// Guidance brought back to the deviation without it, on numbers of which the answer is known.
    @Test func rescaledGuidanceKeepsTheDeviation() throws {
        let model = try model("sd1")
        var options = Self.options
        options.rescale = 1
        let rescaled = try model.draw([PictureRequest(Self.prompts[0], seed: 3)], options: options)[0]
        options.rescale = 0
        #expect(try rescaled.latents != model.draw([PictureRequest(Self.prompts[0], seed: 3)], options: options)[0].latents)
    }

    /// Numbers that are not finite are an error that names the module, and whose fault it is.
    @Test func notFiniteIsAnErrorWithThePlace() throws {
        let model = try model("sd1")
        var map = map(model) { $0 == "unet.mid_block.resnets.0.norm2" }
        map.sites[0].map.beta[1] = .greatestFiniteMagnitude
        let requests = [
            PictureRequest("a cat", name: "picture 1"), PictureRequest("a house", steering: [map.at(4).always], name: "picture 2"),
        ]
        let error = #expect(throws: MongeError.self) { try model.draw(requests, options: Self.options) }
        guard case .notFinite(let numbers)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(numbers.site == "unet.mid_block.resnets.0.norm2" && numbers.name == "picture 2" && numbers.cause == .steering)
        #expect("\(numbers)".contains("a house"))
    }

    @Test func sizesAndStepsAreChecked() throws {
        let model = try model("sd1")
        func draw(_ change: (inout PictureOptions) -> Void) throws {
            var options = Self.options
            change(&options)
            _ = try model.draw([PictureRequest("a cat")], options: options)
        }
        #expect(throws: MongeError.self) { try draw { $0.size = PictureSize(width: 25, height: 16) } }
        #expect(throws: MongeError.self) { try draw { $0.size = PictureSize(width: 0, height: 16) } }
        #expect(throws: MongeError.self) { try draw { $0.size = PictureSize(width: 1 << 40, height: 16) } }
        #expect(throws: ModelError.self) { try draw { $0.steps = 0 } }
        #expect(throws: MongeError.self) { try draw { $0.scheduler = "no such scheduler" } }
        #expect(throws: MongeError.self) { try model.draw([PictureRequest("a cat", noise: [1, 2])], options: Self.options) }
    }

    /// A fit from captions through the whole path, and the map's mode as it comes back from its file.
    @Test func captionsAreFitted() throws {
        let model = try model("pooled")
        let source = (0..<12).map { "a cat \($0)" }
        let target = (0..<12).map { "a red house \($0)" }
        var warnings: [String] = []
        let map = try model.fit(
            source: source, target: target, sites: [#"unet\..*norm.*"#, #"text_encoder\..*layer_norm1"#],
            options: FitOptions(spatial: .channelMean), drawing: Self.options, warn: { warnings.append($0) })
        #expect(warnings.contains { $0.contains("12 captions") })
        #expect(map.sites.count == model.diffusion.sites.count { $0.name.hasPrefix("unet") && $0.name.contains("norm") } + 3)
        #expect(map.sites.first?.name == "text_encoder.text_model.encoder.layers.0.layer_norm1")
        #expect(map.sites.contains { $0.name == "unet.add_embedding.norm2" })
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString).safetensors")
        defer { try? FileManager.default.removeItem(at: file) }
        try map.write(to: file)
        let read = try TransportMap(contentsOf: file)
        #expect(read == map && read.description.spatial == .channelMean)
        let pictures = try model.draw(
            [Float(0), 1].map { PictureRequest("a cat", steering: [read.at($0).always]) }, options: Self.options)
        #expect(pictures[0].picture.pixels != pictures[1].picture.pixels)
        // The same map within a budget of memory, with what waits in a file.
        let plenty = try model.fit(
            source: source, target: target, sites: [#"unet\..*norm.*"#, #"text_encoder\..*layer_norm1"#],
            options: FitOptions(spatial: .channelMean, capture: CaptureOptions(memory: 8 << 30)), drawing: Self.options)
        #expect(plenty.sites == map.sites)
        #expect(throws: MongeError.self) {
            try model.fit(source: source, target: target, sites: ["unet.*"], options: FitOptions(position: .last))
        }
    }
}
