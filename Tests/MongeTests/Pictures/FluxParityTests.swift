import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// A small FLUX model of tools/parity/make_flux.py, and what diffusers makes of it.
struct FluxFixture: ReferencedModel {
    let reference: SafetensorsFile
    let model: Flux

    static let names = ["flux-dev", "flux-schnell"]

    init(_ name: String, _ device: DeviceChoice) throws {
        let folder = try DiffusersFolder(path: DiffusionFixture.path(name))
        reference = try SafetensorsFile(path: DiffusionFixture.path(name) + "/reference.safetensors")
        model = try #require(
            DiffusionModels.load(folder, options: DiffusionModelOptions(activations: .f32), on: device.open()) as? Flux)
    }

    func conditioning() throws -> DenoisingConditioning {
        var conditioning = DenoisingConditioning(text: try tensor("transformer.text"), pooledText: try tensor("transformer.pooled"))
        conditioning.guidance = try reference.floats("transformer.guidance")[0]
        return conditioning
    }

    func output(_ context: ForwardContext) throws -> [Float] {
        let timestep = try reference.floats("transformer.timestep")[0]
        return try model.backend.readFloats(
            model.transformer(tensor("transformer.latents"), timestep: timestep, conditioning(), context))
    }
}

/// FLUX against diffusers and transformers in Float64 on the same weights; the bound is that of ``DiffusionParityTests``: sums of at most 80
/// products, some ten layers deep.
@Suite struct FluxParityTests {
    static let tolerance = DiffusionParityTests.tolerance

    @Test(arguments: FluxFixture.names, DiffusionFixture.devices)
    func componentsAgree(name: String, device: DeviceChoice) throws {
        let fixture = try FluxFixture(name, device)
        let model = fixture.model
        let backend = model.backend
        #expect(model.takesGuidance == (name == "flux-dev"))
        let texts = try zip(fixture.texts("tokens"), fixture.texts("tokens_2")).map { PromptTokens(byEncoder: [$0, $1]) }
        let pass = try model.encode(texts)
        try pass.run(context: ForwardContext(backend: backend))
        let conditioning = try pass.conditioning(for: model.usualSize)
        try fixture.expectEqual(backend.readFloats(conditioning.text), "text_encoder_2.last", Self.tolerance)
        try fixture.expectEqual(backend.readFloats(#require(conditioning.pooledText)), "text_encoder.pooled", Self.tolerance)
        try fixture.expectEqual(fixture.output(ForwardContext(backend: backend)), "transformer.output", Self.tolerance)
    }

    /// The streams after every block are sites with diffusers' names, in its order, and see what hooks see.
    @Test(arguments: FluxFixture.names, [DeviceChoice.cpu, .vulkanIndex(0)])
    func sitesAgreeWithHooks(name: String, device: DeviceChoice) throws {
        let fixture = try FluxFixture(name, device)
        let model = fixture.model
        let backend = model.backend
        var pooled: [(name: String, means: [Float])] = []
        let transformer = model.sites.filter { $0.name.hasPrefix("transformer.") }
        let context = ForwardContext(backend: backend, tapped: transformer.map(\.index), siteCount: model.sites.count) { site, activation in
            pooled.append((site.name, try backend.readFloats(backend.reduce(activation, .mean, axis: 1))))
        }
        try fixture.expectEqual(fixture.output(context), "transformer.output", Self.tolerance)
        #expect(try pooled.map(\.name) == fixture.sites)
        #expect(pooled.map(\.name) == transformer.map(\.name))
        for (name, means) in pooled { try fixture.expectEqual(means, "pooled.\(name)", Self.tolerance) }
        let encoders = Set(model.sites.map(\.name)).subtracting(transformer.map(\.name))
        #expect(encoders.contains("text_encoder.text_model.final_layer_norm"))
        #expect(encoders.contains("text_encoder_2.encoder.block.1.layer.1.DenseReluDense.wo"))
        #expect(encoders.contains("text_encoder_2.encoder.final_layer_norm"))
    }

    /// Maps at both streams of all blocks, with a strength for each image, do what hooks do that change what blocks return.
    @Test(arguments: FluxFixture.names, DiffusionFixture.devices)
    func mapsAgreeWithHooks(name: String, device: DeviceChoice) throws {
        let fixture = try FluxFixture(name, device)
        try fixture.expectEqual(fixture.output(fixture.steered(.pointwise)), "pointwise.output", Self.tolerance)
    }

    @Test(arguments: FluxFixture.names, DiffusionFixture.devices)
    func activationsAndMapsAgreeWithHooks(name: String, device: DeviceChoice) throws {
        let fixture = try FluxFixture(name, device)
        let (text, pooled) = (try fixture.tensor("fit.text"), try fixture.tensor("fit.pooled"))
        let timestep = try fixture.reference.floats("transformer.timestep")[0]
        let guidance = try fixture.reference.floats("transformer.guidance")[0]
        let count = text.shape[0] / 2
        let sides = try [("source caption", 0..<count, 5), ("target caption", count..<2 * count, 16)].map { kind, rows, batch in
            try fixture.side(kind, rows, batch: batch, spatial: .pointwise, timestep: timestep) { rows in
                var conditioning = try DenoisingConditioning(text: text.rows(rows), pooledText: pooled.rows(rows))
                conditioning.guidance = guidance
                return conditioning
            }
        }
        let sites = fixture.model.sites.filter { fixture.reference.contains(tensor: "fit.untouched.omega.\($0.name)") }
        #expect(sites.count == 8)
        try fixture.expectUntouchedFit(sides, spatial: .pointwise, sites: sites)
    }

    @Test func distancesHaveTheKindsOfTransformers() throws {
        let configuration = try T5Configuration(
            vocabulary: 8, channels: 8, layers: 1, heads: 1, headChannels: 8, intermediate: 8)
        // `T5Attention._relative_position_bucket` of transformers for 32 kinds up to 128.
        let expected = [
            0: 0, -1: 1, 1: 17, -7: 7, 7: 23, -8: 8, 8: 24, -11: 8, -12: 9, 12: 25, -15: 9, -16: 10, 22: 26, 23: 27, -31: 11, -32: 12,
            45: 28,
            46: 29, -63: 13, -64: 14, 90: 30, 91: 31, -127: 15, -128: 15, 500: 31,
        ]
        for (distance, kind) in expected { #expect(configuration.bucket(of: distance) == kind, "\(distance)") }
    }
}
