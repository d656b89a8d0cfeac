import ModelFiles
import Models
import Monge
import Tensors
import Testing

/// The components of text-to-image models against diffusers and transformers in Float64 on the same weights.
///
/// Bound: sums here have at most 16 · 9 products, in f32, some thirty layers deep, on numbers of one size: 2⁻²⁴ · √144 a layer is 7e-7, and
/// thirty of them 2e-5; 1e-4 of the largest number is the project's promise.
@Suite struct DiffusionParityTests {
    static let tolerance: Float = 1e-4

    @Test(arguments: DiffusionFixture.names, DiffusionFixture.devices)
    func componentsAgree(name: String, device: DeviceChoice) throws {
        let fixture = try DiffusionFixture(name, device)
        let model = fixture.model
        let backend = model.backend
        let context = ForwardContext(backend: backend)

        let positions = model.textLengths[0]
        let tokens = try fixture.reference.integers("tokens")
        let texts = stride(from: 0, to: tokens.count, by: positions).map { Array(tokens[$0..<$0 + positions]) }
        for (index, encoder) in model.textEncoders.enumerated() {
            let label = ["text_encoder", "text_encoder_2"][index]
            let encoding = try encoder(texts, context)
            try fixture.expectEqual(backend.readFloats(encoding.last), "\(label).last", Self.tolerance)
            try fixture.expectEqual(backend.readFloats(encoding.penultimate), "\(label).penultimate", Self.tolerance)
            if let projected = encoding.projected {
                try fixture.expectEqual(backend.readFloats(projected), "\(label).projected", Self.tolerance)
            }
        }

        let timestep = try fixture.reference.floats("unet.timestep")[0]
        let output = try model.unet(fixture.tensor("unet.latents"), timestep: timestep, fixture.conditioning(), context)
        try fixture.expectEqual(backend.readFloats(output), "unet.output", Self.tolerance)

        let latents = try model.autoencoder.encode(fixture.tensor("vae.picture"), noise: nil)
        try fixture.expectEqual(backend.readFloats(latents), "vae.latents", Self.tolerance)
        try fixture.expectEqual(backend.readFloats(model.autoencoder.decode(fixture.tensor("vae.code"))), "vae.decoded", Self.tolerance)
    }

    @Test(arguments: DiffusionFixture.devices)
    func smallAutoencoderAgrees(device: DeviceChoice) throws {
        let folder = DiffusionFixture.path("taesd")
        let reference = try SafetensorsFile(path: folder + "/reference.safetensors")
        let backend = try device.open()
        let autoencoder = try AutoencoderTiny(
            JSONDocument(path: folder + "/config.json"),
            weights: SafetensorsShards(folder: folder, stem: "diffusion_pytorch_model"), on: backend)
        #expect(autoencoder.reduction == 2 && autoencoder.latentChannels == 4)
        for (input, expected) in [("picture", "latents"), ("code", "decoded")] {
            let x = try backend.upload(reference.floats(input), reference.tensor(input).shape)
            let values = try backend.readFloats(input == "picture" ? autoencoder.encode(x, noise: nil) : autoencoder.decode(x))
            let numbers = try reference.floats(expected)
            let scale = numbers.map(abs).max()!
            #expect(values.count == numbers.count)
            #expect(zip(values, numbers).allSatisfy { abs($0 - $1) <= Self.tolerance * scale }, "\(expected)")
        }
    }

    /// Every site of diffusers' modules is there, in their order, and sees what hooks see.
    @Test(arguments: DiffusionFixture.names, [DeviceChoice.cpu, .vulkanIndex(0)])
    func sitesAgreeWithHooks(name: String, device: DeviceChoice) throws {
        let fixture = try DiffusionFixture(name, device)
        let model = fixture.model
        let backend = model.backend
        let pooling = SamplePooling(FitOptions())
        var visited: [String] = []
        var pooled: [String: [Float]] = [:]
        let context = ForwardContext(
            backend: backend, tapped: model.sites.map(\.index), siteCount: model.sites.count
        ) { site, activation in
            #expect(activation.shape.channels == site.channels, "\(site.name)")
            visited.append(site.name)
            let samples = try backend.allocate([activation.shape.images, site.channels], .f32)
            let check = try backend.allocate([1, site.channels], .f32)
            try pooling(
                activation, pooling.plan(forImagesOf: activation.shape, on: backend), on: backend, into: samples, check: check)
            pooled[site.name] = try backend.readFloats(samples)
        }
        let tokens = try fixture.reference.integers("tokens")
        let positions = model.textLengths[0]
        let texts = stride(from: 0, to: tokens.count, by: positions).map { Array(tokens[$0..<$0 + positions]) }
        for encoder in model.textEncoders { _ = try encoder(texts, context) }
        let timestep = try fixture.reference.floats("unet.timestep")[0]
        let output = try model.unet(fixture.tensor("unet.latents"), timestep: timestep, fixture.conditioning(), context)
        // Watching changes nothing.
        try fixture.expectEqual(backend.readFloats(output), "unet.output", Self.tolerance)
        #expect(visited == model.sites.map(\.name), "the sites are numbered in the order in which passes come to them")
        #expect(try visited == fixture.sites, "the sites are diffusers' modules, in their order")
        for site in model.sites { try fixture.expectEqual(pooled[site.name] ?? [], "pooled.\(site.name)", Self.tolerance) }
    }

    /// Maps at all norms, with a strength for each image, do what hooks do that change what modules return.
    @Test(arguments: DiffusionFixture.names, DiffusionFixture.devices)
    func mapsAgreeWithHooks(name: String, device: DeviceChoice) throws {
        let fixture = try DiffusionFixture(name, device)
        let model = fixture.model
        let timestep = try fixture.reference.floats("unet.timestep")[0]
        for mode in SpatialMode.allCases {
            let output = try model.unet(
                fixture.tensor("unet.latents"), timestep: timestep, fixture.conditioning(), fixture.steered(mode))
            try fixture.expectEqual(model.backend.readFloats(output), "\(mode).output", Self.tolerance)
        }
    }
}
