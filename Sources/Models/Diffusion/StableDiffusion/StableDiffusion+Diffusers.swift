import ModelFiles
import Tensors

extension StableDiffusion {
    /// The classes of pipelines that it runs.
    static let classNames: [String: Family] = ["StableDiffusionPipeline": .stableDiffusion, "StableDiffusionXLPipeline": .xl]

    /// Opens the components of a model's files.
    convenience init(_ files: any DiffusionFiles, _ family: Family, _ options: DiffusionModelOptions, on backend: any Backend) throws {
        let index = SettingsReader(files.index)
        let zeroes = try index.bool(ifPresent: "force_zeros_for_empty_prompt") ?? true
        try index.refuse([.bool("requires_aesthetics_score", false, "a score of aesthetics as an input (the refiner of SDXL)")])
        let activations = options.activations ?? backend.preferredActivations
        let register = SiteRegister()
        let store = WeightStore(on: backend)
        let quantisation = try WeightQuantisation(to: options.weights)
        let names = (family == .xl ? ["text_encoder", "text_encoder_2"] : ["text_encoder"]).filter { files.componentClass($0) != nil }
        let textEncoders = try names.map { name in
            let hasProjection = name == "text_encoder_2"
            let expected = hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel"
            try files.require(name, [expected])
            let weights = try files.componentWeights(name, variant: options.variant)
            let encoder = try CLIPTextEncoder(
                CLIPTextConfiguration(files.settings(name), hasProjection: hasProjection), weights: weights.source, sitePath: name,
                register: register, activations: activations, in: ComponentStore(store, name, quantisation: quantisation))
            // Positions by number, which older folders keep; they follow from the settings. Some hold a projection that is not used.
            weights.ignore(
                ["text_model.embeddings.position_ids", "embeddings.position_ids"] + (hasProjection ? [] : ["text_projection.weight"]))
            try weights.source.refuseUnused(architecture: expected)
            return encoder
        }
        guard !textEncoders.isEmpty else { throw ModelError.unsupported("\(files.name): model_index.json names no text encoder") }
        try files.require("unet", ["UNet2DConditionModel"])
        let unetWeights = try files.componentWeights("unet", variant: options.variant)
        let unet = try UNet(
            UNetConfiguration(files.settings("unet")),
            ModuleLoader(
                unetWeights.source, sitePath: "unet", register: register, in: ComponentStore(store, "unet", quantisation: quantisation)),
            activations: activations)
        try unetWeights.source.refuseUnused(architecture: "UNet2DConditionModel")
        try self.init(
            family, textEncoders: textEncoders, unet: unet,
            autoencoder: Autoencoders.load(files, variant: options.variant, activations: activations, in: store), weights: store,
            zeroesAbsentNegative: family == .xl && zeroes, register: register, activations: activations)
    }
}

/// Finds the autoencoder of a model's files.
enum Autoencoders {
    static func load(
        _ files: any DiffusionFiles, variant: String?, activations: DType, in store: WeightStore
    ) throws -> any Autoencoder {
        try files.require("vae", ["AutoencoderKL", "AutoencoderTiny"])
        let weights = try files.componentWeights("vae", variant: variant)
        let settings = try files.settings("vae")
        // It is small, and its errors are seen as they are: it stays as it is stored.
        let store = ComponentStore(store, "vae", quantisation: .none)
        if files.componentClass("vae") == "AutoencoderTiny" { return try AutoencoderTiny(settings, weights: weights.source, in: store) }
        return try AutoencoderKL(AutoencoderConfiguration(settings), weights: weights.source, activations: activations, in: store)
    }
}
