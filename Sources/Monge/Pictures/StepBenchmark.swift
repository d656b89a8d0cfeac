import Models
import Tensors

/// A guided step of denoising and a decoding, to be timed.
package struct StepBenchmark {
    package let size: PictureSize
    private let model: PictureModel
    private let latents: Tensor
    private let conditioning: DenoisingConditioning

    fileprivate init(_ model: PictureModel, size: PictureSize, pictures: Int) throws {
        self.model = model
        self.size = size
        let diffusion = model.diffusion
        let images = diffusion.takesGuidance ? pictures : 2 * pictures
        let shape = model.latentShape(size, images: images)
        var generator = TorchGenerator(seed: 0)
        latents = try model.backend.upload(
            (0..<images).flatMap { _ in generator.image(height: shape[1], width: shape[2], channels: shape[3]) }, shape)
        let pass = try diffusion.encode([PromptTokens](repeating: model.prompts.tokens("a picture of a cat"), count: images))
        try pass.run(context: ForwardContext(backend: model.backend, siteCount: diffusion.sites.count))
        conditioning = try pass.conditioning(for: size)
    }

    /// Passes through the network, for the pictures with and without their texts, as they are made when pictures are drawn.
    package func step(_ context: ForwardContext) throws -> () throws -> Void {
        let step = try DenoisingStep(model.diffusion, latents.shape, conditioning, context: context)
        return { _ = try step.run(latents, timestep: 500) }
    }

    /// Decodes one picture.
    package func decode() throws { _ = try model.diffusion.autoencoder.decode(latents.rows(0..<1)) }
}

extension PictureModel {
    /// - Parameter size: Nil for what the model was trained on.
    package func stepBenchmark(size: PictureSize?, pictures: Int) throws -> StepBenchmark {
        try StepBenchmark(self, size: checked(size ?? diffusion.usualSize), pictures: pictures)
    }
}
