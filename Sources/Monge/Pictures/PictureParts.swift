import Foundation
import ModelFiles
import Models

/// The files of a text-to-image model beside the one that it is called by: components that take the place of its own, or that it lacks.
public struct PictureParts: Sendable, Equatable {
    /// The denoising network: a UNet, or FLUX's transformer.
    public var network: String?
    public var autoencoder: String?
    /// CLIP's text encoder, the first or only one.
    public var clipL: String?
    /// SDXL's second text encoder.
    public var clipG: String?
    /// FLUX's second text encoder.
    public var t5: String?
    /// A folder in diffusers' layout whose settings and tokenizers count for a model in one file; its weights need not be there.
    public var configuration: String?

    public init(
        network: String? = nil, autoencoder: String? = nil, clipL: String? = nil, clipG: String? = nil, t5: String? = nil,
        configuration: String? = nil
    ) {
        (self.network, self.autoencoder, self.clipL, self.clipG, self.t5) = (network, autoencoder, clipL, clipG, t5)
        self.configuration = configuration
    }

    /// The files of a model with these parts.
    /// - Parameter url: A diffusers folder, or a file in the layout of those who trained the model, in safetensors or GGUF.
    func files(beside url: URL) throws -> any DiffusionFiles {
        if url.isFolder {
            guard configuration == nil else {
                throw MongeError.usage("\(url.path) is a folder with settings of its own; --config is for a model in one file")
            }
            let folder = try DiffusersFolder(path: url.path)
            let parts = try components(isFlux: folder.className == "FluxPipeline")
            return parts.isEmpty ? folder : try ReplacedComponents(folder, replacing: parts)
        }
        let file = try Self.open(url.path)
        return try DiffusionCheckpoint(
            file, components: components(isFlux: DiffusionCheckpoint.isFlux(file)),
            configuration: configuration.map { try DiffusersFolder(path: $0) })
    }

    private func components(isFlux: Bool) throws -> [String: any TensorFile] {
        if isFlux, clipG != nil { throw MongeError.usage("--clip-g is the second text encoder of SDXL; FLUX's is --t5") }
        if !isFlux, t5 != nil { throw MongeError.usage("--t5 is the second text encoder of FLUX; SDXL's is --clip-g") }
        let paths = [
            isFlux ? "transformer" : "unet": network, "vae": autoencoder, "text_encoder": clipL, "text_encoder_2": isFlux ? t5 : clipG,
        ]
        return try paths.compactMapValues { $0 }.mapValues(Self.open)
    }

    /// Opens a file of tensors, whatever its format; pickles are refused, since reading them runs what they say.
    static func open(_ path: String) throws(ModelFileError) -> any TensorFile {
        let mapped = try MappedFile(path: path)
        return mapped.bytes.starts(with: Array("GGUF".utf8)) ? try GGUFFile(path: path) : try SafetensorsFile(mapped)
    }

    /// Whether a file holds a text-to-image model, as far as its tensors' names tell.
    static func isCheckpoint(_ url: URL) -> Bool {
        guard !url.isFolder, let file = try? open(url.path) else { return false }
        return DiffusionCheckpoint.isDenoiser(file)
    }
}
