import ModelFiles
import Tensors

extension StableDiffusion {
    /// The classes of pipelines that it runs.
    static let classNames: [String: Family] = ["StableDiffusionPipeline": .stableDiffusion, "StableDiffusionXLPipeline": .xl]

    /// Opens the components of a diffusers folder.
    convenience init(_ folder: DiffusersFolder, _ family: Family, _ options: DiffusionModelOptions, on backend: any Backend) throws {
        let index = SettingsReader(folder.index)
        let zeroes = try index.bool(ifPresent: "force_zeros_for_empty_prompt") ?? true
        try index.refuse([.bool("requires_aesthetics_score", false, "a score of aesthetics as an input (the refiner of SDXL)")])
        let activations = options.activations ?? backend.preferredActivations
        let register = SiteRegister()
        let names = (family == .xl ? ["text_encoder", "text_encoder_2"] : ["text_encoder"]).filter { folder.componentClass($0) != nil }
        let textEncoders = try names.map { name in
            let hasProjection = name == "text_encoder_2"
            let expected = hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel"
            try folder.require(name, [expected])
            let weights = FileWeights(try folder.weights(name, variant: options.variant))
            let encoder = try CLIPTextEncoder(
                CLIPTextConfiguration(folder.settings(name), hasProjection: hasProjection), weights: weights, sitePath: name,
                register: register, activations: activations, on: backend)
            // Positions by number, which older folders keep; they follow from the settings. Some hold a projection that is not used.
            weights.ignore(
                ["text_model.embeddings.position_ids", "embeddings.position_ids"] + (hasProjection ? [] : ["text_projection.weight"]))
            try weights.refuseUnused(architecture: expected)
            return encoder
        }
        guard !textEncoders.isEmpty else { throw ModelError.unsupported("\(folder.name): model_index.json names no text encoder") }
        try folder.require("unet", ["UNet2DConditionModel"])
        let unetWeights = FileWeights(try folder.weights("unet", variant: options.variant))
        let unet = try UNet(
            UNetConfiguration(folder.settings("unet")),
            ModuleLoader(unetWeights, sitePath: "unet", register: register, on: backend), activations: activations)
        try unetWeights.refuseUnused(architecture: "UNet2DConditionModel")
        try self.init(
            family, textEncoders: textEncoders, unet: unet,
            autoencoder: Autoencoders.load(folder, variant: options.variant, activations: activations, on: backend),
            zeroesAbsentNegative: family == .xl && zeroes, register: register, activations: activations, on: backend)
    }
}

extension DiffusersFolder {
    /// - Throws: ``ModelError`` when the index names another class for a component, or none.
    func require(_ component: String, _ classes: [String]) throws {
        guard let found = componentClass(component) else {
            throw ModelError.unsupported("\(name): model_index.json names no \(component)")
        }
        guard classes.contains(found) else {
            throw ModelError.unsupported(
                "\(name): \(component) is a \(found) in model_index.json; Monge knows \(classes.joined(separator: ", ")) there")
        }
    }
}

/// Finds the autoencoder of a folder.
enum Autoencoders {
    static func load(
        _ folder: DiffusersFolder, variant: String?, activations: DType, on backend: any Backend
    ) throws -> any Autoencoder {
        try folder.require("vae", ["AutoencoderKL", "AutoencoderTiny"])
        let weights = FileWeights(try folder.weights("vae", variant: variant))
        let settings = try folder.settings("vae")
        if folder.componentClass("vae") == "AutoencoderTiny" { return try AutoencoderTiny(settings, weights: weights, on: backend) }
        return try AutoencoderKL(AutoencoderConfiguration(settings), weights: weights, activations: activations, on: backend)
    }
}
