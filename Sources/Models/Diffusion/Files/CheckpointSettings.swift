import ModelFiles
import Tensors

/// Settings of a model in one file: what its tensors' shapes tell, and else what the published models of its family have.
enum CheckpointSettings {
    typealias Family = DiffusionCheckpoint.Family

    /// `model_index.json`
    static func index(_ family: Family) -> JSONDocument {
        func component(_ library: String, _ name: String) -> JSONValue { .array([.string(library), .string(name)]) }
        var members: [String: JSONValue] = [
            "vae": component("diffusers", "AutoencoderKL"), "text_encoder": component("transformers", "CLIPTextModel"),
            "tokenizer": component("transformers", "CLIPTokenizer"), "scheduler": component("diffusers", "Scheduler"),
        ]
        switch family {
        case .stableDiffusion1, .stableDiffusion2:
            members["_class_name"] = .string("StableDiffusionPipeline")
            members["unet"] = component("diffusers", "UNet2DConditionModel")
        case .xl:
            members["_class_name"] = .string("StableDiffusionXLPipeline")
            members["unet"] = component("diffusers", "UNet2DConditionModel")
            members["text_encoder_2"] = component("transformers", "CLIPTextModelWithProjection")
            members["tokenizer_2"] = component("transformers", "CLIPTokenizer")
            members["force_zeros_for_empty_prompt"] = .bool(true)
        case .flux:
            members["_class_name"] = .string("FluxPipeline")
            members["transformer"] = component("diffusers", "FluxTransformer2DModel")
            members["text_encoder_2"] = component("transformers", "T5EncoderModel")
            members["tokenizer_2"] = component("transformers", "T5TokenizerFast")
        }
        return JSONDocument(name: "model_index.json", values: members)
    }

    static func settings(
        _ component: String, className: String, family: Family, in file: any TensorFile
    ) throws -> JSONDocument {
        if component == "scheduler" { return JSONDocument(name: "scheduler_config.json", values: try scheduler(family, file)) }
        let shapes = { (extent: Int) throws -> TensorShapes in
            guard let layout = ComponentLayout.find(component, className: className, extent: extent, in: file) else {
                throw ModelError.unsupported("\(file.name) holds no \(component) (\(className))")
            }
            return TensorShapes(file: file, prefix: layout.prefix)
        }
        let values: [String: JSONValue] =
            switch className {
            case "UNet2DConditionModel": try UNetShapes(shapes(2)).settings(family)
            case "AutoencoderKL": try autoencoder(shapes(4), family)
            case "CLIPTextModel", "CLIPTextModelWithProjection": try textEncoder(shapes(0), family, component)
            case "T5EncoderModel": try tokenEncoder(shapes(0))
            case "FluxTransformer2DModel": try transformer(shapes(0))
            default: throw ModelError.unsupported("\(file.name): the component \(component) is of no class that Monge knows")
            }
        return JSONDocument(name: "\(file.name) (\(component))", values: values)
    }

    /// The layers of a text encoder that are used.
    static func layers(_ files: DiffusionCheckpoint, _ component: String) throws -> Int {
        try files.settings(component, file: "config.json").integer("num_hidden_layers")
    }

    private static func scheduler(_ family: Family, _ file: any TensorFile) throws -> [String: JSONValue] {
        let betas: [String: JSONValue] = [
            "beta_schedule": .string("scaled_linear"), "beta_start": .number(0.00085), "beta_end": .number(0.012),
            "num_train_timesteps": .integer(1000), "steps_offset": .integer(1), "set_alpha_to_one": .bool(false),
            "clip_sample": .bool(false),
        ]
        switch family {
        case .stableDiffusion1:
            return betas.merging(["_class_name": .string(PNDMScheduler.className), "skip_prk_steps": .bool(true)]) { $1 }
        case .stableDiffusion2:
            return betas.merging(["_class_name": .string(DDIMScheduler.className), "prediction_type": .string("v_prediction")]) { $1 }
        case .xl:
            return betas.merging(["_class_name": .string(EulerScheduler.className), "timestep_spacing": .string("leading")]) { $1 }
        case .flux:
            let takesGuidance = file.tensorNames.contains { $0.hasSuffix("guidance_in.in_layer.weight") }
            return [
                "_class_name": .string(FlowMatchEulerScheduler.className), "num_train_timesteps": .integer(1000),
                "shift": takesGuidance ? .number(3) : .number(1), "use_dynamic_shifting": .bool(takesGuidance),
            ]
        }
    }

    private static func autoencoder(_ shapes: TensorShapes, _ family: Family) throws -> [String: JSONValue] {
        let isOriginal = shapes.contains("decoder.mid.block_1.norm1.weight")
        guard isOriginal else { throw shapes.unknown("an autoencoder in diffusers' names") }
        let levels = shapes.count { "encoder.down.\($0).block.0.norm1.weight" }
        let channels = try (0..<levels).map { try shapes.extent("encoder.down.\($0).block.0.norm2.weight", 0) }
        guard levels > 0 else { throw shapes.unknown("an autoencoder without levels") }
        let latents = try shapes.extent("decoder.conv_in.weight", 1)
        let hasConvolutions = shapes.contains("quant_conv.weight")
        var values: [String: JSONValue] = [
            "_class_name": .string("AutoencoderKL"), "block_out_channels": .array(channels.map { .integer($0) }),
            "down_block_types": .array(channels.map { _ in .string("DownEncoderBlock2D") }),
            "up_block_types": .array(channels.map { _ in .string("UpDecoderBlock2D") }),
            "layers_per_block": .integer(shapes.count { "encoder.down.0.block.\($0).norm1.weight" }), "latent_channels": .integer(latents),
            "use_quant_conv": .bool(hasConvolutions), "use_post_quant_conv": .bool(shapes.contains("post_quant_conv.weight")),
            "scaling_factor": .number(family == .xl ? 0.13025 : family == .flux ? 0.3611 : 0.18215),
        ]
        if family == .flux { values["shift_factor"] = .number(0.1159) }
        return values
    }

    private static func textEncoder(_ shapes: TensorShapes, _ family: Family, _ component: String) throws -> [String: JSONValue] {
        let isOpen = shapes.contains("transformer.resblocks.0.ln_1.weight")
        let nested = shapes.contains("text_model.embeddings.token_embedding.weight") ? "text_model." : ""
        let table = isOpen ? "token_embedding.weight" : "\(nested)embeddings.token_embedding.weight"
        let places = isOpen ? "positional_embedding" : "\(nested)embeddings.position_embedding.weight"
        let first = isOpen ? "transformer.resblocks.0.mlp.c_fc.weight" : "\(nested)encoder.layers.0.mlp.fc1.weight"
        let layers = shapes.count {
            isOpen ? "transformer.resblocks.\($0).ln_1.weight" : "\(nested)encoder.layers.\($0).layer_norm1.weight"
        }
        let channels = try shapes.extent(table, 1)
        let isLarge = family == .stableDiffusion2 || component == "text_encoder_2"
        var values: [String: JSONValue] = [
            "vocab_size": .integer(try shapes.extent(table, 0)), "hidden_size": .integer(channels),
            "max_position_embeddings": .integer(try shapes.extent(places, 0)), "intermediate_size": .integer(try shapes.extent(first, 0)),
            // Stable Diffusion 2 looks at the last layer but one.
            "num_hidden_layers": .integer(family == .stableDiffusion2 && isOpen ? layers - 1 : layers),
            "num_attention_heads": .integer(max(channels / 64, 1)), "hidden_act": .string(isLarge ? "gelu" : "quick_gelu"),
            "eos_token_id": .integer(2),
        ]
        if shapes.contains("text_projection") {
            values["projection_dim"] = .integer(try shapes.extent("text_projection", 1))
        } else if shapes.contains("text_projection.weight") {
            values["projection_dim"] = .integer(try shapes.extent("text_projection.weight", 0))
        }
        return values
    }

    private static func tokenEncoder(_ shapes: TensorShapes) throws -> [String: JSONValue] {
        let isGGUF = shapes.contains("enc.blk.0.attn_q.weight")
        func name(_ name: String) -> String { isGGUF ? GGUFTextEncoder.part(name)?.name ?? name : name }
        let block = "encoder.block.0.layer"
        let bias = name("\(block).0.SelfAttention.relative_attention_bias.weight")
        let heads = try shapes.extent(bias, 1)
        let gate = name("\(block).1.DenseReluDense.wi_0.weight")
        let table = shapes.contains(name("shared.weight")) ? name("shared.weight") : "encoder.embed_tokens.weight"
        guard shapes.contains(gate) else { throw shapes.unknown("a T5 encoder of version 1.0, whose MLP has no gate") }
        return [
            "model_type": .string("t5"), "vocab_size": .integer(try shapes.extent(table, 0)),
            "d_model": .integer(try shapes.extent(table, 1)), "d_ff": .integer(try shapes.extent(gate, 0)),
            "d_kv": .integer(try shapes.extent(name("\(block).0.SelfAttention.q.weight"), 0) / max(heads, 1)), "num_heads": .integer(heads),
            "num_layers": .integer(shapes.count { name("encoder.block.\($0).layer.0.layer_norm.weight") }),
            "relative_attention_num_buckets": .integer(try shapes.extent(bias, 0)), "feed_forward_proj": .string("gated-gelu"),
        ]
    }

    private static func transformer(_ shapes: TensorShapes) throws -> [String: JSONValue] {
        guard shapes.contains("double_blocks.0.img_attn.qkv.weight") else { throw shapes.unknown("a FLUX transformer in diffusers' names") }
        let headChannels = try shapes.extent("double_blocks.0.img_attn.norm.query_norm.scale", 0)
        let channels = try shapes.extent("img_in.weight", 0)
        let axes: [Int] = headChannels == 128 ? [16, 56, 56] : []
        guard !axes.isEmpty else { throw shapes.unknown("a FLUX transformer with heads of \(headChannels) channels") }
        return [
            "in_channels": .integer(try shapes.extent("img_in.weight", 1)), "attention_head_dim": .integer(headChannels),
            "num_attention_heads": .integer(channels / headChannels),
            "num_layers": .integer(shapes.count { "double_blocks.\($0).img_attn.qkv.weight" }),
            "num_single_layers": .integer(shapes.count { "single_blocks.\($0).linear1.weight" }),
            "joint_attention_dim": .integer(try shapes.extent("txt_in.weight", 1)),
            "pooled_projection_dim": .integer(try shapes.extent("vector_in.in_layer.weight", 1)),
            "guidance_embeds": .bool(shapes.contains("guidance_in.in_layer.weight")), "axes_dims_rope": .array(axes.map { .integer($0) }),
        ]
    }
}

/// The shapes of a component's tensors.
struct TensorShapes {
    let file: any TensorFile
    let prefix: String

    func contains(_ name: String) -> Bool { file.contains(tensor: prefix + name) }

    /// The length of an axis of a tensor.
    func extent(_ name: String, _ axis: Int) throws -> Int {
        let shape = try file.tensor(prefix + name).shape
        guard axis < shape.rank, (1...1 << 24).contains(shape[axis]) else {
            throw ModelError.invalidConfiguration("tensor \(prefix + name) has the shape \(shape), which tells nothing of the model")
        }
        return shape[axis]
    }

    /// How many tensors there are in a row from number 0 on.
    func count(_ name: (Int) -> String) -> Int {
        var count = 0
        while contains(name(count)) { count += 1 }
        return count
    }

    func unknown(_ what: String) -> ModelError {
        .unsupported("\(file.name) holds \(what), whose settings its tensors do not tell; name a folder that has them with --config")
    }
}

/// What the shapes of a UNet in the original names tell of its settings.
struct UNetShapes {
    private let shapes: TensorShapes

    init(_ shapes: TensorShapes) { self.shapes = shapes }

    func settings(_ family: DiffusionCheckpoint.Family) throws -> [String: JSONValue] {
        guard shapes.contains("input_blocks.0.0.weight") else { throw shapes.unknown("a UNet in diffusers' names") }
        var levels: [(channels: Int, layers: Int, depth: Int)] = []
        var isNew = true
        var block = 1
        while true {
            if shapes.contains("input_blocks.\(block).0.op.weight") {
                isNew = true
            } else if shapes.contains("input_blocks.\(block).0.in_layers.0.weight") {
                let channels = try shapes.extent("input_blocks.\(block).0.out_layers.0.weight", 0)
                let depth = self.depth("input_blocks.\(block).1")
                if isNew { levels.append((channels, 0, depth)) }
                isNew = false
                levels[levels.count - 1].layers += 1
                guard levels[levels.count - 1].channels == channels, levels[levels.count - 1].depth == depth else {
                    throw shapes.unknown("a UNet whose layers of one level differ")
                }
            } else {
                break
            }
            block += 1
        }
        guard let first = levels.first, levels.allSatisfy({ $0.layers == first.layers }) else {
            throw shapes.unknown("a UNet whose levels differ in their number of layers")
        }
        let middleDepth = depth("middle_block.1")
        let text = try shapes.extent(textProjection(levels), 1)
        let depths = levels.enumerated().map { index, level in
            // Where the smallest level has no transformers, the block at the bottom follows this number alone.
            max(index == levels.count - 1 && level.depth == 0 ? middleDepth : level.depth, 1)
        }
        // Heads of the first family are eight whatever their size; those of the later ones have 64 channels.
        let heads = levels.map { family == .stableDiffusion1 ? 8 : max($0.channels / 64, 1) }
        var values: [String: JSONValue] = [
            "_class_name": .string("UNet2DConditionModel"), "in_channels": .integer(try shapes.extent("input_blocks.0.0.weight", 1)),
            "out_channels": .integer(try shapes.extent("out.2.weight", 0)),
            "block_out_channels": .array(levels.map { .integer($0.channels) }), "layers_per_block": .integer(first.layers),
            "down_block_types": .array(levels.map { .string($0.depth > 0 ? "CrossAttnDownBlock2D" : "DownBlock2D") }),
            "up_block_types": .array(levels.reversed().map { .string($0.depth > 0 ? "CrossAttnUpBlock2D" : "UpBlock2D") }),
            "transformer_layers_per_block": .array(depths.map { .integer($0) }), "cross_attention_dim": .integer(text),
            "attention_head_dim": .array(heads.map { .integer($0) }),
            "sample_size": .integer(family == .xl ? 128 : family == .stableDiffusion2 ? 96 : 64),
        ]
        if middleDepth == 0 { values["mid_block_type"] = .string("UNetMidBlock2D") }
        if shapes.contains("label_emb.0.0.weight") {
            values["addition_embed_type"] = .string("text_time")
            values["addition_time_embed_dim"] = .integer(256)
            values["projection_class_embeddings_input_dim"] = .integer(try shapes.extent("label_emb.0.0.weight", 1))
        }
        return values
    }

    /// The transformer blocks at a place.
    private func depth(_ place: String) -> Int { shapes.count { "\(place).transformer_blocks.\($0).attn2.to_k.weight" } }

    /// A projection of the text's tokens.
    private func textProjection(_ levels: [(channels: Int, layers: Int, depth: Int)]) throws -> String {
        if depth("middle_block.1") > 0 { return "middle_block.1.transformer_blocks.0.attn2.to_k.weight" }
        guard let level = levels.firstIndex(where: { $0.depth > 0 }) else { throw shapes.unknown("a UNet without transformers") }
        return "input_blocks.\(1 + level * (levels[level].layers + 1)).1.transformer_blocks.0.attn2.to_k.weight"
    }
}
