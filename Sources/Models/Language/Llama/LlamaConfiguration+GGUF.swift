import ModelFiles

extension LlamaConfiguration {
    /// Reads the metadata of a GGUF file (the keys of ggml's GGUF specification).
    init(_ file: GGUFFile) throws {
        let architecture = try file.string("general.architecture")
        guard ["llama", "qwen2"].contains(architecture) else {
            throw ModelError.unknownArchitecture(architecture, known: LlamaConfiguration.architectures)
        }
        func key(_ name: String) -> String { "\(architecture).\(name)" }
        let hidden = try file.integer(key("embedding_length"))
        let heads = try file.integer(key("attention.head_count"))
        let keyHeads = try file.integer(ifPresent: key("attention.head_count_kv")) ?? heads
        guard heads > 0 else { throw ModelError.invalidConfiguration("it has \(heads) heads") }
        let headChannels =
            try file.integer(ifPresent: key("attention.key_length")) ?? hidden / heads
        if let experts = try file.integer(ifPresent: key("expert_count")), experts > 0 {
            throw ModelError.unsupported("the model is a mixture of experts, which Monge does not run")
        }
        if let rotated = try file.integer(ifPresent: key("rope.dimension_count")), rotated != headChannels {
            throw ModelError.unsupported("the model turns \(rotated) of \(headChannels) channels a head; Monge turns all of them")
        }
        self.init(
            architecture: architecture, layers: try file.integer(key("block_count")), hidden: hidden, heads: heads, keyHeads: keyHeads,
            headChannels: headChannels, intermediate: try file.integer(key("feed_forward_length")),
            vocabulary: try file.tensor("token_embd.weight").shape.dimensions.first ?? 0,
            contextLength: try file.integer(key("context_length")),
            normEpsilon: try file.float(key("attention.layer_norm_rms_epsilon")),
            ropeBase: try file.float(ifPresent: key("rope.freq_base")) ?? 10000,
            ropeFactors: try LlamaConfiguration.ropeFactors(file, key, pairs: headChannels / 2),
            slidingWindow: try file.integer(ifPresent: key("attention.sliding_window")).flatMap { $0 > 0 ? $0 : nil })
    }

    private static func ropeFactors(_ file: GGUFFile, _ key: (String) -> String, pairs: Int) throws -> [Float]? {
        if file.contains(tensor: "rope_freqs.weight") {
            return try StoredWeight(file.tensor("rope_freqs.weight")).floats(name: "rope_freqs.weight")
        }
        guard let type = try file.string(ifPresent: key("rope.scaling.type")) else { return nil }
        switch type {
        case "none": return nil
        case "linear": return [Float](repeating: try file.float(key("rope.scaling.factor")), count: max(0, pairs))
        case let other: throw ModelError.unsupported("the model scales its rotary embedding by '\(other)'; Monge knows linear and llama3")
        }
    }
}

/// Llama's tensors in a GGUF file, under their Hugging Face names.
struct LlamaGGUFWeights: WeightSource {
    let file: GGUFFile
    let configuration: LlamaConfiguration

    private static let blockNames = [
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ]

    private static let topNames = [
        "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight",
    ]

    func tensor(_ name: String) throws -> StoredWeight? {
        let stored = try Self.fileName(name)
        guard file.contains(tensor: stored) else { return nil }
        let tensor = StoredWeight(try file.tensor(stored))
        // The converter of Llama files (not of Qwen2 files) reorders the rows of query and key projections for interleaved rotary
        // pairs. They are put back, so that neurons have the same numbers whatever file a model came from.
        guard configuration.architecture == "llama" else { return tensor }
        if name.contains("self_attn.q_proj") { return try tensor.withRotaryHalves(heads: configuration.heads) }
        if name.contains("self_attn.k_proj") { return try tensor.withRotaryHalves(heads: configuration.keyHeads) }
        return tensor
    }

    private static func fileName(_ name: String) throws -> String {
        if let top = topNames[name] { return top }
        let parts = name.split(separator: ".")
        let module = parts.dropFirst(3).dropLast().joined(separator: ".")
        guard name.hasPrefix("model.layers."), let block = blockNames[module] else { throw ModelError.missingTensor(name) }
        return "blk.\(parts[2]).\(block).\(parts.last!)"
    }
}

extension StoredWeight {
    /// The rows of each head in the order of Hugging Face (first halves of all pairs, then second halves), from a file that has the
    /// two rows of each rotary pair side by side: row (head, half, pair) is stored as (head, pair, half).
    func withRotaryHalves(heads: Int) throws -> StoredWeight {
        guard heads > 0, shape.rank > 0, shape[0] % (2 * heads) == 0, shape.count > 0 else {
            throw ModelError.invalidConfiguration("\(shape) rows of a projection do not divide into \(heads) heads of pairs")
        }
        let rowBytes = bytes.count / shape[0]
        let pairs = shape[0] / heads / 2
        let memory = OwnedBytes(count: bytes.count)
        for head in 0..<heads {
            for half in 0..<2 {
                for pair in 0..<pairs {
                    let row = (head * 2 + half) * pairs + pair
                    let stored = (head * pairs + pair) * 2 + half
                    memory.bytes.baseAddress!.advanced(by: row * rowBytes)
                        .copyMemory(from: bytes.baseAddress!.advanced(by: stored * rowBytes), byteCount: rowBytes)
                }
            }
        }
        return StoredWeight(dtype: dtype, shape: shape, bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }
}

/// Memory that a tensor keeps alive.
private final class OwnedBytes {
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }

    deinit { bytes.deallocate() }
}
