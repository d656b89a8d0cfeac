import ModelFiles

/// What sets one member of the Llama family apart from the others, beyond its sizes. The values that stand for absent settings are those of
/// the member's configuration class in Hugging Face transformers.
struct LlamaVariant: Sendable {
    /// `model_type` in a folder, `general.architecture` in a GGUF file.
    let name: String
    /// The class with a language model's head in transformers.
    let className: String
    /// `num_key_value_heads` when a folder does not mention it; nil for as many as heads.
    var keyHeads: Int?
    /// `max_position_embeddings` when a folder does not mention it.
    let contextLength: Int
    /// The biases that a folder's settings announce.
    var biases: @Sendable (SettingsReader) throws -> Biases = { _ in Biases() }
    /// The window of each layer as a folder's settings have it.
    let windows: @Sendable (_ settings: SettingsReader, _ layers: Int) throws -> [Int?]
    /// Settings of a folder that this member of the family does not have.
    var neutral: [NeutralSetting] = []
    /// How a GGUF file holds this member; nil when it holds it under another name.
    var gguf: GGUFForm?

    struct Biases {
        var queryKeyValue = LayerLoader.Bias.none
        var attentionOutput = LayerLoader.Bias.none
        var mlp = LayerLoader.Bias.none
    }

    struct GGUFForm: Sendable {
        /// Whether the rows of query and key projections are ordered for interleaved rotary pairs.
        let interleavesPairs: Bool
        let biases: @Sendable () -> Biases
    }

    /// The kinds of attention that `layer_types` may name, by layer; nil when a folder has no such setting.
    static func layerTypes(_ settings: SettingsReader, layers: Int) throws -> [String]? {
        guard let types = try settings.strings(ifPresent: "layer_types") else { return nil }
        guard types.count == layers else {
            throw ModelError.invalidConfiguration("layer_types names \(types.count) layers of \(layers)")
        }
        if let other = types.first(where: { !["full_attention", "sliding_attention"].contains($0) }) {
            throw ModelError.unsupportedSetting(
                key: "layer_types", value: "'\(other)'", meaning: "Monge knows full_attention and sliding_attention")
        }
        return types
    }

    /// One window for all layers, for models whose classes do not look at `layer_types`.
    static func uniform(window: Int?, _ settings: SettingsReader, layers: Int) throws -> [Int?] {
        let expected = window == nil ? "full_attention" : "sliding_attention"
        if let types = try layerTypes(settings, layers: layers), let other = types.first(where: { $0 != expected }) {
            throw ModelError.unsupportedSetting(
                key: "layer_types", value: "'\(other)'", meaning: "all layers of this model are of \(expected)")
        }
        return [Int?](repeating: window, count: layers)
    }

    /// This member for the registry.
    var architecture: LanguageArchitecture {
        LanguageArchitecture(
            name: name, classNames: [className],
            folder: { folder, options, backend in
                try Llama(LlamaConfiguration(folder, self), weights: FileWeights(folder), options, on: backend)
            },
            gguf: gguf.map(loader))
    }

    private func loader(_ form: GGUFForm) -> LanguageArchitecture.GGUFLoader {
        { file, options, backend in
            let configuration = try LlamaConfiguration(file, self, form)
            return try Llama(configuration, weights: FileWeights(file, configuration, form), options, on: backend)
        }
    }
}
