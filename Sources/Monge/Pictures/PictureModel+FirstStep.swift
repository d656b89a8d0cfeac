import Models
import Tensors

extension PictureModel {
    /// A caption through the encoders, the noise of a seed through the network at the first step, and through the autoencoder: all that a model
    /// computes, once.
    ///
    /// - Parameters:
    ///   - size: Of the picture; nil for the model's own.
    ///   - context: Maps and taps.
    /// - Throws: ``MongeError/usage(_:)`` for a size that the model does not draw.
    /// - Returns: What the network predicts, `[1, height, width, channels]`, and the decoded noise, `[1, height, width, 3]`.
    package func firstStep(
        of caption: String, seed: UInt64, size: PictureSize?, context: ForwardContext
    ) throws -> (prediction: Tensor, decoded: Tensor) {
        let size = try checked(size ?? diffusion.usualSize)
        let plan = try scheduler(PictureOptions()).plan(diffusion.samplingRequest(steps: 20, size: size))
        let step = FirstStep(plan, size: size, seed: seed, model: self)
        let encoding = try diffusion.encode([prompts.tokens(caption)])
        try encoding.run(context: context)
        var conditioning = try encoding.conditioning(for: size)
        conditioning.guidance = diffusion.usualGuidance
        let latents = try step.latents(0..<1)
        let denoising = try diffusion.denoise(latents, timestep: step.timestep, conditioning)
        try denoising.run(context: context)
        return (denoising.output, try diffusion.autoencoder.decode(latents))
    }
}
