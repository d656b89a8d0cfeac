import ModelFiles

/// How a file names the tensors of a component: what stands before their names, and which of several spellings they have.
struct ComponentLayout {
    /// Before the names of the component's tensors in the file.
    let prefix: String
    /// A tensor's place in the file without the prefix, by its name in diffusers or transformers; nil when there is none.
    private let translate: (String) -> StoredPart?
    /// The tensors under the prefix that are of other components.
    private let excludes: (String) -> Bool

    init(prefix: String, excludes: @escaping (String) -> Bool = { _ in false }, translate: @escaping (String) -> StoredPart?) {
        (self.prefix, self.translate, self.excludes) = (prefix, translate, excludes)
    }

    func part(_ name: String) -> StoredPart? {
        guard var part = translate(name) else { return nil }
        part.name = prefix + part.name
        return part
    }

    func owns(_ stored: String) -> Bool { stored.hasPrefix(prefix) && !excludes(String(stored.dropFirst(prefix.count))) }

    func weights(_ file: any TensorFile) -> CheckpointWeights { CheckpointWeights(file, part: part, owns: owns) }

    /// The first of some layouts of which a file has a tensor that tells it.
    /// - Parameter candidates: Prefixes, the tensor that tells, and the translation.
    static func first(
        in file: any TensorFile, _ candidates: [(prefixes: [String], mark: String, translate: (String) -> StoredPart?)]
    ) -> ComponentLayout? {
        for (prefixes, mark, translate) in candidates {
            for prefix in prefixes where file.contains(tensor: prefix + mark) {
                return ComponentLayout(prefix: prefix, translate: translate)
            }
        }
        return nil
    }

    /// Names as diffusers and transformers have them.
    static func plain(_ name: String) -> StoredPart? { StoredPart(name: name) }
}

extension ComponentLayout {
    /// The layout of a component in a file that holds it alone, or with others.
    /// - Parameters:
    ///   - component: `unet`, `vae`, `text_encoder`, …
    ///   - className: What the component is.
    ///   - layers: Of a UNet, the residual blocks of a level; of an autoencoder, its levels.
    static func find(_ component: String, className: String, extent: Int, in file: any TensorFile) -> ComponentLayout? {
        let network = ["model.diffusion_model.", ""]
        switch className {
        case "UNet2DConditionModel":
            return first(
                in: file,
                [
                    (network, "input_blocks.0.0.weight", { OriginalUNet.part($0, layers: extent) }),
                    (["", "unet."], "down_blocks.0.resnets.0.norm1.weight", plain),
                ])
        case "AutoencoderKL":
            return first(
                in: file,
                [
                    (
                        ["first_stage_model.", "vae.", ""], "decoder.mid.block_1.norm1.weight",
                        { OriginalAutoencoder.part($0, levels: extent) }
                    ),
                    (["", "vae."], "decoder.mid_block.resnets.0.norm1.weight", plain),
                ])
        case "CLIPTextModel", "CLIPTextModelWithProjection": return textEncoder(component, in: file)
        case "T5EncoderModel":
            return first(
                in: file,
                [
                    (["text_encoders.t5xxl.transformer.", ""], "encoder.block.0.layer.0.SelfAttention.q.weight", plain),
                    ([""], "enc.blk.0.attn_q.weight", GGUFTextEncoder.part),
                ])
        case "FluxTransformer2DModel":
            return first(
                in: file,
                [
                    (network, "double_blocks.0.img_attn.qkv.weight", OriginalFlux.part),
                    (["", "transformer."], "transformer_blocks.0.attn.to_q.weight", plain),
                ])
        default: return nil
        }
    }

    /// CLIP's and OpenCLIP's text encoders: the second of two is the large one.
    private static func textEncoder(_ component: String, in file: any TensorFile) -> ComponentLayout? {
        let embedding = "embeddings.token_embedding.weight"
        let isSecond = component == "text_encoder_2"
        let prefixes =
            isSecond
            ? ["conditioner.embedders.1.transformer.", "text_encoders.clip_g.transformer.", ""]
            : ["cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", "text_encoders.clip_l.transformer.", ""]
        let open = isSecond ? ["conditioner.embedders.1.model.", ""] : ["cond_stage_model.model.", ""]
        return first(
            in: file,
            [
                (prefixes, "text_model.\(embedding)", plain), (prefixes, embedding, plain),
                (open, "transformer.resblocks.0.ln_1.weight", OpenCLIP.part),
            ])
    }
}
