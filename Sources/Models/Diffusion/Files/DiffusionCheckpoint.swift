import Foundation
import Foundations
import ModelFiles

/// A text-to-image model in one file, in the layout of those who trained it: Stable Diffusion 1 and 2, SDXL, FLUX.
///
/// Settings follow from the shapes of its tensors, as far as they tell, and else are those of the published models; or they are those of a
/// folder in diffusers' layout that is named beside it.
public struct DiffusionCheckpoint: DiffusionFiles {
    /// The families of models that are told apart by their tensors.
    enum Family: String {
        case stableDiffusion1 = "Stable Diffusion 1"
        case stableDiffusion2 = "Stable Diffusion 2"
        case xl = "SDXL"
        case flux = "FLUX"
    }

    let file: any TensorFile
    let family: Family
    public let index: JSONDocument
    private let configuration: DiffusersFolder?
    /// Files of components that take the place of the file's own, or that it lacks.
    private let components: [String: any TensorFile]

    public var name: String { file.name }

    /// - Parameters:
    ///   - components: Files of components beside it: `unet` or `transformer`, `vae`, `text_encoder`, `text_encoder_2`.
    ///   - configuration: A diffusers folder whose settings and tokenizers count; its weights need not be there.
    /// - Throws: ``ModelError`` for a file that holds something else than a model, or a model of another family.
    public init(_ file: any TensorFile, components: [String: any TensorFile] = [:], configuration: DiffusersFolder? = nil) throws {
        self.file = file
        self.components = components
        self.configuration = configuration
        family = try Self.family(of: file)
        index = configuration?.index ?? CheckpointSettings.index(family)
        try requireComponents(components, in: self)
    }

    /// The file that a component is read from.
    func file(of component: String) -> any TensorFile { components[component] ?? file }

    /// Whether a file holds FLUX's transformer, alone or with other components.
    package static func isFlux(_ file: any TensorFile) -> Bool {
        ["model.diffusion_model.", ""].contains { file.contains(tensor: $0 + "double_blocks.0.img_attn.qkv.weight") }
    }

    /// Whether a file holds a denoising network in one of the layouts that are read.
    package static func isDenoiser(_ file: any TensorFile) -> Bool {
        isFlux(file) || file.contains(tensor: "model.diffusion_model.input_blocks.0.0.weight")
    }

    private static func family(of file: any TensorFile) throws -> Family {
        func has(_ name: String) -> Bool { file.contains(tensor: name) }
        func refused(_ detail: String) -> ModelError { .unsupported("\(file.name) \(detail)") }
        if file.tensorNames.contains(where: Self.isAdapter) {
            throw refused("is a LoRA adapter, which changes a model and is none; merge it into its model first")
        }
        if file.tensorNames.contains(where: { $0.hasPrefix("control_model.") || $0.hasPrefix("controlnet_") }) {
            throw refused("is a ControlNet, which draws from another picture; Monge draws from texts")
        }
        if isFlux(file) { return .flux }
        guard has("model.diffusion_model.input_blocks.0.0.weight") else {
            if has("input_blocks.0.0.weight") || has("down_blocks.0.resnets.0.norm1.weight") || has("transformer_blocks.0.attn.to_q.weight")
            {
                throw refused(
                    "holds a model's denoising network alone; name the model's folder or file with --model and this one with --unet")
            }
            if ComponentLayout.find("vae", className: "AutoencoderKL", extent: 4, in: file) != nil {
                throw refused("holds an autoencoder alone; --vae takes it beside a model")
            }
            if ComponentLayout.find("text_encoder", className: "CLIPTextModel", extent: 0, in: file) != nil
                || ComponentLayout.find("text_encoder_2", className: "T5EncoderModel", extent: 0, in: file) != nil
            {
                throw refused("holds a text encoder alone; --clip-l, --clip-g or --t5 takes it beside a model")
            }
            if let gguf = file as? GGUFFile, let name = try gguf.string(ifPresent: "general.architecture"),
                ArchitectureRegistry.languageModels.contains(where: { $0.name == name })
            {
                throw refused(
                    "is a language model (\(name)), which `monge generate` and the other commands of texts take; pictures are drawn by text-to-image "
                        + "models (Stable Diffusion 1 and 2, SDXL, FLUX)")
            }
            throw refused("has none of the tensors by which text-to-image models are known (Stable Diffusion 1 and 2, SDXL, FLUX)")
        }
        try refuseOtherInputs(of: file)
        if has("conditioner.embedders.1.model.ln_final.weight") { return .xl }
        if has("conditioner.embedders.0.model.ln_final.weight") {
            throw refused("is the refiner of SDXL, which goes on where another model stopped; Monge draws with the base model")
        }
        if has("cond_stage_model.model.ln_final.weight") { return .stableDiffusion2 }
        for name in ["text_model.final_layer_norm.weight", "final_layer_norm.weight"]
        where has("cond_stage_model.transformer.\(name)") { return .stableDiffusion1 }
        if has("conditioner.embedders.0.transformer.text_model.final_layer_norm.weight") { return .xl }
        throw refused(
            "holds a denoising network without the text encoders that it was trained with; name their files with --clip-l and --clip-g")
    }

    /// Refuses UNets that take pictures beside the latents, by the channels of their first convolution.
    private static func refuseOtherInputs(of file: any TensorFile) throws {
        let shape = try file.layout("model.diffusion_model.input_blocks.0.0.weight").shape
        let kinds = [
            8: "edits a picture that it takes beside the latents",
            9: "is an inpainting model, which takes a mask and a picture beside the latents",
        ]
        guard shape.rank == 4, let kind = kinds[shape[1]] else { return }
        throw ModelError.unsupported("\(file.name) \(kind) (\(shape[1]) channels); Monge draws from texts")
    }

    /// The spellings of LoRA adapters: kohya's, diffusers' and PEFT's.
    private static func isAdapter(_ name: String) -> Bool {
        name.hasPrefix("lora_") || name.hasSuffix(".lora_down.weight") || name.contains(".lora_A.") || name.contains(".lora.down.")
            || name.contains("_lora.down.") || name.hasSuffix(".hada_w1_a")
    }

    public func componentClass(_ component: String) -> String? {
        if let configuration { return configuration.componentClass(component) }
        guard let pair = index.value(component)?.array, pair.count == 2 else { return nil }
        return pair[1].string
    }

    public func settings(_ component: String, file name: String) throws -> JSONDocument {
        if let configuration { return try configuration.settings(component, file: name) }
        return try CheckpointSettings.settings(
            component, className: componentClass(component) ?? "", family: family, in: file(of: component))
    }

    public func componentWeights(_ component: String, variant: String?) throws -> ComponentWeights {
        let className = componentClass(component) ?? ""
        let own = file(of: component)
        // What the names depend on is told by the settings, which a file without the component does not tell.
        guard ComponentLayout.find(component, className: className, extent: 0, in: own) != nil,
            let layout = ComponentLayout.find(component, className: className, extent: try extent(component), in: own)
        else {
            let option = ["vae": "--vae", "text_encoder": "--clip-l", "text_encoder_2": family == .flux ? "--t5" : "--clip-g"][component]
            throw ModelError.unsupported(
                "\(own.name) holds no \(component) (\(className))" + (option.map { "; name a file of it with \($0)" } ?? ""))
        }
        let weights = layout.weights(own)
        ComponentFile.ignoreWhatFollows(weights, className: className)
        // The layer behind the one whose result is used, and the end token's projection.
        if family == .stableDiffusion2, component == "text_encoder" {
            let layers = try CheckpointSettings.layers(self, component)
            weights.ignore { $0.contains("transformer.resblocks.\(layers).") || $0.hasSuffix("text_projection") }
        }
        return ComponentWeights(weights)
    }

    /// What the names of a component depend on (``ComponentLayout/find(_:className:extent:in:)``).
    private func extent(_ component: String) throws -> Int { try ComponentFile.extent(component, settings(component, file: "config.json")) }

    public func tokenizerFiles(_ tokenizer: String) throws -> TokenizerFiles {
        if let configuration { return .folder(configuration.path(tokenizer)) }
        if family == .flux, tokenizer == "tokenizer_2", let gguf = file(of: "text_encoder_2") as? GGUFFile,
            gguf.value("tokenizer.ggml.tokens") != nil
        {
            return .gguf(gguf)
        }
        return .folder(try CheckpointTokenizers.folder(tokenizer, family: family, file: file.name))
    }
}

/// Tokenizers for models whose file has none.
enum CheckpointTokenizers {
    /// The folder that tools/get-model makes of CLIP's vocabulary, or the user of T5's.
    static func folder(_ tokenizer: String, family: DiffusionCheckpoint.Family, file: String) throws -> String {
        let isT5 = family == .flux && tokenizer == "tokenizer_2"
        // OpenCLIP's fills up with another token.
        let name =
            isT5 ? "t5-tokenizer" : family == .stableDiffusion2 || tokenizer == "tokenizer_2" ? "clip-tokenizer/open" : "clip-tokenizer"
        let path = CacheFolder.url.appendingPathComponent(name, isDirectory: true).path
        guard FileManager.default.fileExists(atPath: path) else {
            throw ModelError.unsupported(
                isT5
                    ? "\(file) has no tokenizer for T5; put T5's tokenizer.json or spiece.model into \(path), or name a folder with the model's "
                        + "settings and tokenizers (--config)"
                    : "\(file) has no tokenizer; `tools/get-model clip-tokenizer` fetches CLIP's into \(path), or name a folder with the model's "
                        + "settings and tokenizers (--config)")
        }
        return path
    }
}

/// Files of single components beside a model.
public struct ReplacedComponents: DiffusionFiles {
    private let base: any DiffusionFiles
    private let replacements: [String: any TensorFile]

    /// - Parameter replacements: By component: `unet` or `transformer`, `vae`, `text_encoder`, `text_encoder_2`.
    public init(_ base: any DiffusionFiles, replacing replacements: [String: any TensorFile]) throws {
        try requireComponents(replacements, in: base)
        self.base = base
        self.replacements = replacements
    }

    public var name: String { base.name }
    public var index: JSONDocument { base.index }
    public func componentClass(_ component: String) -> String? { base.componentClass(component) }
    public func settings(_ component: String, file: String) throws -> JSONDocument { try base.settings(component, file: file) }
    public func tokenizerFiles(_ tokenizer: String) throws -> TokenizerFiles { try base.tokenizerFiles(tokenizer) }

    public func componentWeights(_ component: String, variant: String?) throws -> ComponentWeights {
        guard let file = replacements[component] else { return try base.componentWeights(component, variant: variant) }
        let className = base.componentClass(component) ?? ""
        let extent = try ComponentFile.extent(component, base.settings(component, file: "config.json"))
        guard let layout = ComponentLayout.find(component, className: className, extent: extent, in: file) else {
            throw ModelError.unsupported("\(file.name) holds no \(className), which is to take the place of the model's \(component)")
        }
        let weights = layout.weights(file)
        ComponentFile.ignoreWhatFollows(weights, className: className)
        return ComponentWeights(weights)
    }
}

/// - Throws: ``ModelError`` for a file of a component that the model does not have.
private func requireComponents(_ files: [String: any TensorFile], in model: some DiffusionFiles) throws {
    for (component, file) in files.sorted(by: { $0.key < $1.key }) where model.componentClass(component) == nil {
        throw ModelError.unsupported("\(model.name) has no \(component) that \(file.name) could take the place of")
    }
}

/// What files of components have in common.
enum ComponentFile {
    /// The residual blocks of a UNet's level, or the levels of an autoencoder.
    static func extent(_ component: String, _ settings: JSONDocument) throws -> Int {
        switch component {
        case "unet": settings.value("layers_per_block")?.integer ?? settings.value("layers_per_block")?.integers?.first ?? 2
        case "vae": try settings.integers(ifPresent: "block_out_channels")?.count ?? 4
        default: 0
        }
    }

    /// Tensors that follow from the settings, or belong to training.
    static func ignoreWhatFollows(_ weights: CheckpointWeights, className: String) {
        let isT5 = className == "T5EncoderModel"
        weights.ignore {
            $0.hasSuffix("position_ids") || $0.hasSuffix("logit_scale") || $0.hasSuffix(".attn_mask") || $0.contains("loss.")
                || $0.hasPrefix("model_ema.") || isT5 && isOfDecoder($0)
        }
    }

    /// Whether a tensor is of the part of T5 that an encoder has no use for, or a second name of the embedding.
    private static func isOfDecoder(_ name: String) -> Bool {
        name.contains("decoder.block.")
            || ["decoder.final_layer_norm.weight", "embed_tokens.weight", "lm_head.weight"].contains(where: name.hasSuffix)
            || name.hasPrefix("dec.")
    }
}
