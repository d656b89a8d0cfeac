import ModelFiles
import Tensors

/// The metadata of a GGUF file under its architecture's name, as llama.cpp reads them (the keys of ggml's GGUF specification).
final class GGUFSettings {
    let file: GGUFFile
    let family: String
    let reader: SettingsReader

    init(_ file: GGUFFile, family: String) {
        self.file = file
        self.family = family
        reader = SettingsReader(file, architecture: family)
    }

    /// Refuses every key that was not read and is not known to change nothing.
    func finish() throws {
        reader.ignore(Self.harmless)
        try reader.refuse(Self.neutral)
        try reader.finish()
    }

    /// Keys that change nothing: the embedding says how many tokens there are; the layout of tensors is that of the architecture; whether a
    /// model was trained on after its positions were stretched.
    private static let harmless = ["vocab_size", "tensor_data_layout", "rope.scaling.finetuned"]

    private static let neutral: [NeutralSetting] = [
        .number("expert_count", 0, meaning: "a mixture of experts"),
        .number("expert_used_count", 0, meaning: "a mixture of experts"),
        .bool("attention.causal", true, "attention that is not causal"),
        .number("attention.scale", 0, meaning: "a scale of attention's scores"),
        .number("attention.temperature_scale", 0, meaning: "a scale of attention's scores that grows with the position"),
        .number("attention.clamp_kqv", 0, meaning: "a limit on queries, keys and values"),
        .number("attention.max_alibi_bias", 0, meaning: "positions as biases of attention"),
        .number("attn_logit_softcapping", 0, meaning: "a soft cap of attention's scores"),
        .number("final_logit_softcapping", 0, meaning: "a soft cap of the logits"),
        .number("logit_scale", 0, 1, meaning: "a scale of the logits"),
        .number("residual_scale", 0, 1, meaning: "a factor on what layers add"),
        .number("embedding_scale", 0, 1, meaning: "a factor on the embedding"),
        .bool("use_parallel_residual", false, "attention and MLP side by side"),
        .number("pooling_type", 0, meaning: "the model makes embeddings of texts"),
        .number("rope.scaling.alpha", 0, meaning: "a rotary scaling that Monge does not know"),
        .number("rope.scaling.yarn_ext_factor", 1, meaning: "a share of yarn"),
        .number("rope.scaling.yarn_attn_factor", 1, meaning: "a factor on attention's scores"),
        .number("rope.scaling.yarn_log_multiplier", 0, meaning: "a factor on attention's scores"),
        .number("nextn_predict_layers", 0, meaning: "layers that predict further tokens"),
    ]

    // MARK: Rotary positions

    private static let frequencies = "rope_freqs.weight"
    private static let shortFactors = "rope_factors_short.weight"
    private static let longFactors = "rope_factors_long.weight"
    /// The tensors with factors of the rotary frequencies.
    static let rotaryTensors = [frequencies, shortFactors, longFactors]

    /// The rotary positions: the base, a scaling of all frequencies, and factors in a tensor, which multiply.
    /// - Parameter channels: Of a head, those that turn.
    func rotary(channels: Int, contextLength: Int) throws -> RotaryPosition {
        let bases: ClosedRange<Float> = Float.leastNormalMagnitude...1e30
        let base = try reader.number(ifPresent: "rope.freq_base", in: bases) ?? 10000
        // Zero stands for no scaling in llama.cpp, and the older key counts when the newer is not there.
        let stretches = 0...FolderRotary.factors.upperBound
        let older = try reader.number(ifPresent: "rope.scale_linear", in: stretches)
        let stretch = Double(try reader.number(ifPresent: "rope.scaling.factor", in: stretches) ?? older ?? 0)
        let original =
            try reader.integer(ifPresent: "rope.scaling.original_context_length", in: DecoderConfiguration.extents) ?? contextLength
        let fast = Double(try reader.number(ifPresent: "rope.scaling.yarn_beta_fast", in: FolderRotary.factors) ?? 32)
        let slow = Double(try reader.number(ifPresent: "rope.scaling.yarn_beta_slow", in: FolderRotary.factors) ?? 1)
        var attentionFactor = Double(try reader.number(ifPresent: "rope.scaling.attn_factor", in: FolderRotary.factors) ?? 1)
        var scaling: RotaryScaling?
        // A factor without a type is linear.
        switch try reader.string(ifPresent: "rope.scaling.type") ?? "linear" {
        case "none": break
        case "linear": if stretch > 0, stretch != 1 { scaling = .linear(factor: stretch) }
        // Its factors lie in tensors.
        case "longrope" where file.contains(tensor: Self.shortFactors): break
        case "yarn":
            guard base > 1 else { throw ModelError.invalidConfiguration("rope.freq_base is \(base); yarn needs more than 1") }
            let factor = stretch > 0 ? stretch : 1
            scaling = .yarn(factor: factor, fast: fast, slow: slow, original: Double(original), truncates: true)
            attentionFactor *= RotaryScaling.yarnAttention(factor: factor)
        case let other:
            throw ModelError.unsupportedSetting(
                key: "rope.scaling.type", value: "'\(other)'",
                meaning: "Monge knows none, linear and yarn, and longrope with \(Self.shortFactors)")
        }
        let scaled = scaling?.factors(base: Double(base), channels: channels)
        func multiplied(_ name: String) throws -> [Float]? {
            guard let stored = try factors(name, channels: channels) else { return nil }
            return (scaled.map { zip($0, stored).map { $0 * Double($1) } } ?? stored.map(Double.init)).map { Float($0) }
        }
        var position = RotaryPosition(base: base, attentionFactor: Float(attentionFactor))
        let all = try multiplied(Self.frequencies)
        position.frequencyFactors = try all ?? multiplied(Self.shortFactors) ?? scaled?.map { Float($0) }
        if all == nil, let long = try multiplied(Self.longFactors) {
            position.longContext = RotaryPosition.LongContext(beyond: original, factors: long)
        }
        return position
    }

    private func factors(_ name: String, channels: Int) throws -> [Float]? {
        guard file.contains(tensor: name) else { return nil }
        let tensor = StoredWeight(try file.tensor(name))
        guard tensor.shape == [channels / 2] else {
            throw ModelError.wrongShape(name: name, found: tensor.shape, expected: [channels / 2])
        }
        return try tensor.floats(name: name)
    }

    // MARK: Windows

    /// The window on every layer, or on those that a pattern names: one truth value a layer, or a period n whose last layer has none.
    /// - Parameters:
    ///   - silent: The window of a file that states none.
    ///   - period: Where a file names no pattern.
    func windows(layers: Int, silent: Int? = nil, period: Int = 1) throws -> [Int?] {
        let stated = try reader.integer(ifPresent: "attention.sliding_window", in: 0...DecoderConfiguration.extents.upperBound)
        let window = stated.map { $0 > 0 ? $0 : nil } ?? silent
        let key = "attention.sliding_window_pattern"
        guard window != nil, reader.contains(key) else {
            reader.ignore([key])
            return Self.windows(window, layers: layers, period: period)
        }
        if let pattern = file.value("\(family).\(key)")?.array?.bools {
            reader.ignore([key])
            guard pattern.count == layers else {
                throw ModelError.invalidConfiguration("\(family).\(key) names \(pattern.count) layers of \(layers)")
            }
            return pattern.map { $0 ? window : nil }
        }
        return Self.windows(window, layers: layers, period: try reader.integer(key, in: 1...DecoderConfiguration.layerCounts.upperBound))
    }

    private static func windows(_ window: Int?, layers: Int, period: Int) -> [Int?] {
        (0..<layers).map { period == 1 || $0 % period < period - 1 ? window : nil }
    }

    /// A soft cap; 0 is none.
    func softCap(_ key: String, silent: Float? = nil) throws -> Float? {
        let cap = try reader.number(ifPresent: key, in: 0...DecoderConfiguration.magnitudes.upperBound)
        return cap.map { $0 == 0 ? nil : $0 } ?? silent
    }
}
