import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing
import Transport

/// The small image model of tools/parity/make_image_sites.py, of our own layers.
private final class ImageModel: SteerableModel {
    let architecture = "image"
    let fingerprint = "0000000000000008"
    let sites: [Site]
    let backend: any Backend
    private let names: [String: Site]
    private let fixture: SafetensorsFile

    init(_ fixture: SafetensorsFile, on backend: any Backend) {
        self.fixture = fixture
        self.backend = backend
        var list = SiteList()
        for name in ["conv_in", "norm", "down", "layer_norm", "tokens"] { _ = list.add(name, 12) }
        _ = list.add("joint", tuple: [8, 12])
        sites = list.sites
        names = Dictionary(uniqueKeysWithValues: sites.map { ($0.name, $0) })
    }

    private func weight(_ name: String) throws -> Tensor { try backend.upload(fixture.floats(name), fixture.tensor(name).shape) }

    func callAsFunction(_ x: Tensor, _ text: Tensor, _ context: ForwardContext) throws -> (text: Tensor, image: Tensor) {
        var x = try context.conv2d(
            x, weight: weight("conv_in.weight"), bias: weight("conv_in.bias"), padding: 1, at: names["conv_in"]!)
        let normed = try context.groupNorm(
            x, groups: 4, gain: weight("norm.weight"), bias: weight("norm.bias"), epsilon: 1e-5, activation: .silu, at: names["norm"]!)
        // Every second pixel, by a convolution with the identity.
        let identity = try backend.upload((0..<144).map { Float($0 / 12 == $0 % 12 ? 1 : 0) }, [12, 1, 1, 12])
        x = try context.conv2d(
            normed, weight: weight("down.weight"), bias: weight("down.bias"), stride: 2, padding: 1,
            residual: backend.conv2d(x, weight: identity, stride: 2), at: names["down"]!)
        x = try context.layerNorm(
            x, gain: weight("layer_norm.weight"), bias: weight("layer_norm.bias"), epsilon: 1e-5, at: names["layer_norm"]!)
        let images = x.shape[0]
        let tokens = try context.linear(
            x.reshaped([images, x.shape[1] * x.shape[2], 12]), weight: weight("tokens.weight"), bias: weight("tokens.bias"),
            at: names["tokens"]!)
        let image = try backend.linear(tokens, weight: weight("joint.image.weight"), bias: weight("joint.image.bias"))
        let own = try backend.linear(text, weight: weight("joint.text.weight"), bias: weight("joint.text.bias"))
        let counts = [Int32](repeating: Int32(image.shape[1]), count: images)
        let means = try backend.pool(
            image.reshaped([images * image.shape[1], 12]), starts: backend.upload((0..<images).map { Int32($0 * image.shape[1]) }),
            counts: backend.upload(counts), maximumCount: image.shape[1], pooling: .mean)
        let spread = try backend.broadcast(
            backend.slice(means.reshaped([images, 1, 12]), axis: 2, 0..<8), to: own.shape)
        let streams = try context.visit([backend.add(own, spread), image], at: [names["joint:0"]!, names["joint:1"]!])
        return (streams[0], streams[1])
    }
}

/// Sites of image models: what is captured and what maps do, against hooks on PyTorch's modules.
///
/// Tolerance: the model is some six layers deep with sums of at most 108 products in f32, on values up to about 10: 2⁻²⁴ · 108 · 10 a layer
/// at most, which later layers (of gain near 1) carry on: 4e-4; a tenth of that is what such sums come to.
@Suite struct ImageSitesTests {
    static let tolerance: Float = 1e-4

    private struct Run {
        var pooled: [String: [Float]] = [:]
        var text: [Float] = []
        var image: [Float] = []
    }

    private func run(_ model: ImageModel, _ fixture: SafetensorsFile, steering: [[Steer]] = [], tapped: Bool = true) throws -> Run {
        let backend = model.backend
        let transports = try InstalledSteering(steering, on: model).transports(for: steering.map { (1, $0) })
        let pooling = SamplePooling(FitOptions())
        var result = Run()
        let context = ForwardContext(
            backend: backend, transports: transports, tapped: tapped ? model.sites.map(\.index) : [], siteCount: model.sites.count
        ) { site, activation in
            #expect(activation.shape.channels == site.channels)
            let samples = try backend.allocate([activation.shape.images, site.channels], .f32)
            let check = try backend.allocate([1, site.channels], .f32)
            try pooling(
                activation, pooling.plan(forImagesOf: activation.shape, on: backend), on: backend, into: samples, check: check)
            result.pooled[site.name] = try backend.readFloats(samples)
        }
        let outputs = try model(
            backend.upload(fixture.floats("x"), fixture.tensor("x").shape),
            backend.upload(fixture.floats("text"), fixture.tensor("text").shape), context)
        (result.text, result.image) = (try backend.readFloats(outputs.text), try backend.readFloats(outputs.image))
        return result
    }

    private func expectEqual(_ values: [Float]?, _ expected: [Float], _ what: String) {
        #expect(values?.count == expected.count, "\(what)")
        let largest = zip(values ?? [], expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
        #expect(largest <= Self.tolerance, "\(what): \(largest)")
    }

    @Test(arguments: [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)])
    func sitesAndMapsAgreeWithHooks(device: DeviceChoice) throws {
        let fixture = try TestModel.file("image-sites.safetensors")
        let model = ImageModel(fixture, on: try device.open())
        let plain = try run(model, fixture)
        for site in model.sites { expectEqual(plain.pooled[site.name], try fixture.floats("pooled.\(site.name)"), site.name) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("monge-spatial-\(UUID().uuidString).safetensors")
        defer { try? FileManager.default.removeItem(at: file) }
        for mode in SpatialMode.allCases {
            let written = TransportMap(
                sites: try model.sites.map { site in
                    func row(_ name: String) throws -> [Float] { try fixture.floats("\(site.name).\(name)") }
                    let map = AffineMap(omega: try row("omega"), beta: try row("beta"), low: try row("low"), high: try row("high"))
                    return TransportMap.Site(name: site.name, map: map, deadNeurons: 0)
                },
                description: TransportDescription(
                    method: "linear", estimation: .causal, pooling: "mean", support: .all, spatial: mode, architecture: model.architecture,
                    fingerprint: model.fingerprint, sourceName: "a", targetName: "b", sourceCount: 2, targetCount: 2, seed: 0, date: ""))
            try written.write(to: file)
            let map = try TransportMap(contentsOf: file)
            #expect(map == written, "the mode is kept in the file")
            // Images with strengths of their own share the batch.
            let steering = try fixture.floats("strengths").map { [map.at($0)] }
            for tapped in [true, false] {
                let steered = try run(model, fixture, steering: steering, tapped: tapped)
                expectEqual(steered.text, try fixture.floats("\(mode).text"), "\(mode) text, tapped \(tapped)")
                expectEqual(steered.image, try fixture.floats("\(mode).image"), "\(mode) image, tapped \(tapped)")
                if !tapped { continue }
                for site in model.sites {
                    expectEqual(steered.pooled[site.name], try fixture.floats("\(mode).pooled.\(site.name)"), "\(mode) \(site.name)")
                }
            }
        }
        // Maps of both modes in one batch, each on its own images.
        var pointwise = try #require(try? TransportMap(contentsOf: file))
        let channelMean = pointwise
        pointwise.description.spatial = .pointwise
        let mixed = try run(model, fixture, steering: [[pointwise.at(1)], [channelMean.at(0.5)], [pointwise.at(0)]])
        let perImage = mixed.image.count / 3
        let (first, second) = (try fixture.floats("pointwise.image"), try fixture.floats("channelMean.image"))
        expectEqual(Array(mixed.image[..<perImage]), Array(first[..<perImage]), "pointwise image of a mixed batch")
        expectEqual(
            Array(mixed.image[perImage..<2 * perImage]), Array(second[perImage..<2 * perImage]), "channel means in a mixed batch")
    }

    /// The mean map of pooled activations brings the mean over source images to that of the target, and leaves contrast alone.
    @Test func channelMeansAreFittedToPooledActivations() throws {
        let fixture = try TestModel.file("image-sites.safetensors")
        let model = ImageModel(fixture, on: try DeviceChoice.cpu.open())
        let pooled = try fixture.floats("pooled.norm")
        let target = pooled.enumerated().map { 1.5 * $1 + Float($0 % 12) / 4 }
        let fitted = try MapFit(method: .linear, support: .all)(
            source: model.backend.upload(pooled, [3, 12]), target: model.backend.upload(target, [3, 12]), site: "norm", on: model.backend
        ).site
        for j in 0..<12 {
            #expect(abs(fitted.map.omega[j] - 1.5) < 1e-4 && abs(fitted.map.beta[j] - Float(j) / 4) < 1e-3)
        }
        let map = TransportMap(
            sites: [fitted],
            description: TransportDescription(
                method: "linear", estimation: .simultaneous, pooling: "mean", support: .all, spatial: .channelMean,
                architecture: model.architecture, fingerprint: model.fingerprint, sourceName: "a", targetName: "b", sourceCount: 3,
                targetCount: 3, seed: 0, date: ""))
        let steered = try run(model, fixture, steering: Array(repeating: [map.at(1)], count: 3))
        expectEqual(steered.pooled["norm"], target, "the means of the target")
    }

    /// Means are what such a map is applied to.
    @Test func channelMeansOfOtherPoolingsAreRefused() throws {
        let model = try TestModel.load(.cpu)
        #expect(throws: MongeError.self) {
            try model.fit(
                source: CausalFitTests.source, target: CausalFitTests.target, sites: [#"model\.norm"#],
                options: FitOptions(spatial: .channelMean, capture: CaptureOptions(pooling: .max)))
        }
        // On tokens the mode changes nothing.
        let maps = try SpatialMode.allCases.map {
            try model.fit(
                source: CausalFitTests.source, target: CausalFitTests.target, sites: [#"model\.norm"#], options: FitOptions(spatial: $0))
        }
        #expect(maps[0].sites == maps[1].sites && maps[1].description.spatial == .channelMean)
        let ids = model.tokenizer.encode("Once upon a time", addSpecial: true, parseSpecial: false)
        #expect(try model.logits(of: ids, steering: [maps[0].at(1)]) == model.logits(of: ids, steering: [maps[1].at(1)]))
    }
}
