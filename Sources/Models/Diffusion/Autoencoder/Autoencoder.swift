import Tensors

/// What turns pictures into latents and back.
///
/// Pictures are `[images, height, width, 3]` f32 from −1 to 1, latents `[images, height, width, channels]` f32 as they are denoised: scaled and
/// shifted as the model's settings say.
public protocol Autoencoder: AnyObject {
    var backend: any Backend { get }
    var latentChannels: Int { get }
    /// How many pixels of a picture one of the latents stands for, along each side.
    var reduction: Int { get }

    /// Whether a picture has a distribution of latents, from which noise draws.
    var givesDistributions: Bool { get }

    /// - Parameters:
    ///   - noise: Of the latents' shape and of variance 1, to draw from the distribution of latents; nil for its middle.
    ///   - backend: Its own, or one to rehearse on.
    func encode(_ pictures: Tensor, noise: Tensor?, on backend: any Backend) throws -> Tensor

    func decode(_ latents: Tensor, on backend: any Backend) throws -> Tensor
}

extension Autoencoder {
    public func encode(_ pictures: Tensor, noise: Tensor?) throws -> Tensor { try encode(pictures, noise: noise, on: backend) }

    public func decode(_ latents: Tensor) throws -> Tensor { try decode(latents, on: backend) }
}
