import ArgumentParser
import Models
import Monge
import Tensors

/// What a text-to-image model is made of beside the folder or file that it is called by, and how its weights are taken.
struct PicturePartsOptions: ParsableArguments {
    @Option(name: .long, help: "For pictures: a file of the denoising network in the place of the model's: a UNet, or FLUX's transformer.")
    var unet: String?

    @Option(name: .long, help: "A file of the autoencoder in the place of the model's, or for a file without one.")
    var vae: String?

    @Option(name: .long, help: "A file of CLIP's text encoder (the first or only one), likewise.")
    var clipL: String?

    @Option(name: .long, help: "A file of SDXL's second text encoder, likewise.")
    var clipG: String?

    @Option(name: .long, help: "A file of T5's encoder for FLUX, likewise.")
    var t5: String?

    @Option(
        name: .long,
        help: "For a model in one file: a folder in the layout of diffusers whose settings and tokenizers count; weights need not be there."
    )
    var config: String?

    @Option(name: .long, help: "Which weights of the folder, for example fp16 (default: the plain ones, or the only ones).")
    var variant: String?

    @OptionGroup var weights: PictureWeightOption

    /// Opens a model with these parts, and says what quantising its weights has made of them.
    func load(_ model: String, activations: DType?, on backend: any Backend) throws -> PictureModel {
        let model = try PictureModel.load(
            ModelCatalogue.locate(model),
            parts: PictureParts(network: unet, autoencoder: vae, clipL: clipL, clipG: clipG, t5: t5, configuration: config), on: backend,
            options: DiffusionModelOptions(activations: activations, variant: variant, weights: weights.dtype))
        if let notice = model.quantisationNotice { Terminal.message(notice) }
        return model
    }

    private var files: [(option: String, path: String?)] {
        [("--unet", unet), ("--vae", vae), ("--clip-l", clipL), ("--clip-g", clipG), ("--t5", t5)]
    }

    var inputs: [NamedFile?] { files.map { NamedFile($0.option, $0.path) } }

    /// The options that were given, for models that have no such parts.
    var given: [String] {
        (files.map { ($0.option, $0.path != nil) } + [
            ("--config", config != nil), ("--variant", variant != nil), ("--weights", weights.dtype != nil),
        ])
        .filter(\.1).map(\.0)
    }
}
