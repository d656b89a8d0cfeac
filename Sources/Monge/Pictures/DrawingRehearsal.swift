import Models
import Tensors

/// What the parts of drawing a picture take, but for weights.
struct DrawingRehearsal {
    let latents: Shape
    private let model: PictureModel
    private let size: PictureSize
    private let backend: RehearsalBackend

    init(_ model: PictureModel, size: PictureSize) throws {
        self.model = model
        self.size = size
        backend = RehearsalBackend(model.backend)
        latents = model.latentShape(size, images: 1)
    }

    /// Tensors, as they are rounded up to blocks.
    private func taken(_ work: () throws -> Void) throws -> Int {
        try backend.limitMemory(to: nil)
        try work()
        let peak = backend.tensorMemory.peak
        // The CPU computes in f32: of tensors in f16 it takes copies.
        let isWidened = model.diffusion.activations == .f16 && backend.inner.preferredActivations == .f32
        return (isWidened ? 3 : 1) * (peak + peak / 8)
    }

    private func conditioning(_ texts: Int) throws -> DenoisingConditioning {
        let pass = try model.diffusion.encode([PromptTokens](repeating: model.prompts.tokens(""), count: texts), on: backend)
        try pass.run(context: ForwardContext(backend: backend, siteCount: model.diffusion.sites.count))
        var conditioning = try pass.conditioning(for: size)
        conditioning.guidance = model.diffusion.usualGuidance
        return conditioning
    }

    func encoding() throws -> Int { try taken { _ = try conditioning(1) } }

    /// - Parameter images: Through the network together.
    func step(images: Int) throws -> Int {
        try taken {
            let conditioning = try DenoisingConditioning.joined((0..<images).map { _ in try self.conditioning(1) }, on: backend)
            // What the scheduler remembers, and what it makes of the result.
            let history = try (0..<4).map { _ in try backend.allocate(latents, .f32) }
            let x = try backend.allocate(model.latentShape(size, images: images), .f32)
            let pass = try model.diffusion.denoise(x, timestep: 500, conditioning, on: backend)
            try pass.run(context: ForwardContext(backend: backend, siteCount: model.diffusion.sites.count))
            withExtendedLifetime(history) {}
        }
    }

    func encodingPictures() throws -> Int {
        let pixels: Shape = [1, size.height, size.width, 3]
        let tensors = try taken {
            _ = try model.diffusion.autoencoder.encode(
                backend.allocate(pixels, .f32), noise: backend.allocate(latents, .f32), on: backend)
        }
        return tensors + pixels.count * MemoryLayout<Float>.stride
    }

    /// - Parameter tiles: Nil for a picture as a whole.
    func decoding(_ tiles: TiledDecoding?) throws -> Int {
        let (height, width) = (min(tiles?.side ?? .max, latents[1]), min(tiles?.side ?? .max, latents[2]))
        let tensors = try taken {
            _ = try model.diffusion.autoencoder.decode(backend.allocate([1, height, width, latents[3]], .f32), on: backend)
        }
        let reduction = model.diffusion.autoencoder.reduction
        let perPixel = MemoryLayout<Float>.stride * reduction * reduction
        // On the host the pixels of what is decoded; with tiles beside them the picture's, and the weights that have been added up.
        let isWhole = height == latents[1] && width == latents[2]
        return tensors + 3 * perPixel * height * width + (isWhole ? 0 : 4 * perPixel * latents[1] * latents[2])
    }

    /// The largest tiles that fit, nil where a picture fits as a whole, and what they take.
    func tiles(within available: Int) throws -> (TiledDecoding?, Int) {
        let whole = try decoding(nil)
        guard whole > available else { return (nil, whole) }
        var (low, high) = (TiledDecoding.smallestSide, max(latents[1], latents[2]))
        while low + 1 < high {
            let middle = (low + high) / 2
            if try decoding(TiledDecoding(side: middle)) <= available { low = middle } else { high = middle }
        }
        return (TiledDecoding(side: low), try decoding(TiledDecoding(side: low)))
    }
}
