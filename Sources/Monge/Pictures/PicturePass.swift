import Models
import Tensors

/// Texts through the encoders, then one step of denoising for them.
final class PicturePass: StagedPass {
    private enum Phase {
        case encoding(any EncodingPass)
        case denoising(any DenoisingPass)
    }

    private let model: any DiffusionModel
    private let size: PictureSize
    private let latents: Tensor
    private let timestep: Float
    private let backend: any Backend
    private var phase: Phase

    /// - Parameters:
    ///   - latents: As the network is given them at the timestep.
    ///   - backend: The model's own, or one to rehearse on; nil for the former.
    init(
        _ model: any DiffusionModel, _ texts: [PromptTokens], size: PictureSize, latents: Tensor, timestep: Float,
        on backend: (any Backend)? = nil
    ) throws {
        self.model = model
        self.size = size
        self.latents = latents
        self.timestep = timestep
        self.backend = backend ?? model.backend
        phase = .encoding(try model.encode(texts, on: self.backend))
    }

    private var current: any StagedPass {
        switch phase {
        case .encoding(let pass): pass
        case .denoising(let pass): pass
        }
    }

    var tensors: [Tensor] {
        get { current.tensors }
        set { current.tensors = newValue }
    }

    func advance(context: ForwardContext) throws -> Bool {
        if try current.advance(context: context) { return true }
        guard case .encoding(let pass) = phase else { return false }
        var conditioning = try pass.conditioning(for: size)
        conditioning.guidance = model.usualGuidance
        phase = .denoising(try model.denoise(latents, timestep: timestep, conditioning, on: backend))
        return true
    }
}
