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
    private var phase: Phase

    /// - Parameter latents: As the network is given them at the timestep.
    init(_ model: any DiffusionModel, _ texts: [PromptTokens], size: PictureSize, latents: Tensor, timestep: Float) throws {
        self.model = model
        self.size = size
        self.latents = latents
        self.timestep = timestep
        phase = .encoding(try model.encode(texts))
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
        phase = .denoising(try model.denoise(latents, timestep: timestep, conditioning))
        return true
    }
}
