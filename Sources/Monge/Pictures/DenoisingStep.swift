import Models
import Tensors

/// A pass through the network of a text-to-image model, whose latents and timestep change from one run to the next.
///
/// The first run makes what the pass needs once, as weights on their way to the device. The second is recorded (``Backend/record(isBrief:_:)``), and what
/// follows replays it, which costs the host next to nothing.
package final class DenoisingStep {
    private let diffusion: any DiffusionModel
    private let conditioning: DenoisingConditioning
    private let context: ForwardContext
    /// `[images, height, width, channels]` f32.
    private let input: Tensor
    /// `[images]` f32.
    private let timesteps: Tensor
    private var isPrepared = false
    private var recording: (any RecordedOperations)?
    /// The prediction of the last run, which the next one may write over.
    private var output: Tensor?

    /// - Parameters:
    ///   - shape: That of the latents that the network is given.
    ///   - context: Whose maps act. Its backend is the model's.
    package init(_ diffusion: any DiffusionModel, _ shape: Shape, _ conditioning: DenoisingConditioning, context: ForwardContext) throws {
        self.diffusion = diffusion
        self.conditioning = conditioning
        self.context = context
        input = try context.backend.allocate(shape, .f32)
        timesteps = try context.backend.allocate([shape[0]], .f32)
    }

    /// What the network predicts: `[images, height, width, channels]` f32.
    package func run(_ latents: Tensor, timestep: Float) throws -> Tensor {
        let backend = context.backend
        _ = try backend.copy(latents, into: input)
        try backend.write([Float](repeating: timestep, count: timesteps.shape.count), to: timesteps)
        guard isPrepared else {
            isPrepared = true
            return try pass()
        }
        if recording == nil { recording = try backend.record { [unowned self] in output = try pass() } }
        try recording!.replay()
        return try backend.copy(output!)
    }

    private func pass() throws -> Tensor {
        let pass = try diffusion.denoise(input, timesteps: timesteps, conditioning, on: context.backend)
        try pass.run(context: context)
        return pass.output
    }
}
