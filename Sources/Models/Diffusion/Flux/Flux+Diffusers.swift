import ModelFiles
import Tensors

extension Flux {
    /// The pipelines that it runs.
    static let classNames = ["FluxPipeline"]

    /// Opens the components of a model's files.
    convenience init(_ files: any DiffusionFiles, _ options: DiffusionModelOptions, on backend: any Backend) throws {
        let activations = options.activations ?? backend.preferredActivations
        let register = SiteRegister()
        let store = WeightStore(on: backend)
        let quantisation = try WeightQuantisation(to: options.weights)
        func component(_ name: String) -> ComponentStore { ComponentStore(store, name, quantisation: quantisation) }
        try files.require("text_encoder", ["CLIPTextModel"])
        let vectorWeights = try files.componentWeights("text_encoder", variant: options.variant)
        let vectorEncoder = try CLIPTextEncoder(
            CLIPTextConfiguration(files.settings("text_encoder"), hasProjection: false), weights: vectorWeights.source,
            sitePath: "text_encoder", register: register, activations: activations, in: component("text_encoder"))
        vectorWeights.ignore(["text_model.embeddings.position_ids", "embeddings.position_ids", "text_projection.weight"])
        try vectorWeights.source.refuseUnused(architecture: "CLIPTextModel")
        try files.require("text_encoder_2", ["T5EncoderModel"])
        let tokenWeights = try files.componentWeights("text_encoder_2", variant: options.variant)
        let tokenEncoder = try T5Encoder(
            T5Configuration(files.settings("text_encoder_2")), weights: tokenWeights.source, sitePath: "text_encoder_2", register: register,
            in: component("text_encoder_2"))
        tokenWeights.ignore(T5Encoder.unusedNames(tokenWeights.source.unused))
        try tokenWeights.source.refuseUnused(architecture: "T5EncoderModel")
        try files.require("transformer", ["FluxTransformer2DModel"])
        let weights = try files.componentWeights("transformer", variant: options.variant)
        let transformer = try FluxTransformer(
            FluxConfiguration(files.settings("transformer")),
            ModuleLoader(weights.source, sitePath: "transformer", register: register, in: component("transformer")),
            activations: activations)
        try weights.source.refuseUnused(architecture: "FluxTransformer2DModel")
        try self.init(
            vectorEncoder: vectorEncoder, tokenEncoder: tokenEncoder, transformer: transformer,
            autoencoder: Autoencoders.load(files, variant: options.variant, activations: activations, in: store), weights: store,
            register: register, activations: activations)
    }
}

extension T5Encoder {
    /// Of the tensors that nobody asked for those of a whole T5 that an encoder has no use for: the decoder, and second names of the embedding.
    static func unusedNames(_ names: [String]) -> [String] {
        names.filter { $0.hasPrefix("decoder.") || ["lm_head.weight", "encoder.embed_tokens.weight"].contains($0) }
    }
}
