import ModelFiles

/// A family of decoder-only language models: how its files become a ``DecoderConfiguration``, and what its layers are.
///
/// The values that stand for absent settings are those of the family's configuration class in Hugging Face transformers.
struct DecoderFamily: Sendable {
    typealias Builder = @Sendable (DecoderConfiguration, LayerLoader) throws -> DecoderParts

    /// What Monge calls it, and `general.architecture` of its GGUF files.
    let name: String
    /// `model_type` in a folder; nil for the name.
    var modelType: String?
    /// The class with a language model's head in transformers.
    let className: String
    /// The configuration of a folder; what it does not read is refused where it would change anything.
    let folder: @Sendable (SettingsReader) throws -> DecoderConfiguration
    /// How a folder holds a tensor, where that is not as the model computes with it.
    var folderForm: @Sendable (_ tensor: String) -> StoredForm = { _ in .plain }
    /// What a folder may call a tensor instead of its name, where it holds none of that; and tensors that are left out of account.
    var folderAlias: @Sendable (_ tensor: String) -> String? = { _ in nil }
    var folderIgnores: @Sendable (_ tensor: String) -> Bool = { _ in false }
    /// Settings of a folder that this family does not have, beyond ``FolderSettings/neutral``.
    var neutral: [NeutralSetting] = []
    /// How a GGUF file holds this family; nil when it holds it under another name.
    var gguf: GGUFForm?
    /// The layers, which take their weights and number their sites in this order.
    let build: Builder

    struct GGUFForm: Sendable {
        /// The modules of a block and, where they are not ``GGUFTensorNames/top``'s, those around the blocks, as the file calls them.
        var names = GGUFTensorNames.llama
        /// Whether the rows of query and key projections are ordered for interleaved rotary pairs.
        var interleavesPairs = false
        /// The configuration of a file; every key under the family's name that it does not read is refused where it would change anything.
        let configuration: @Sendable (GGUFSettings) throws -> DecoderConfiguration
    }

    /// This family for the registry.
    var architecture: LanguageArchitecture {
        LanguageArchitecture(
            name: name, modelType: modelType ?? name, classNames: [className],
            folder: { folder, options, backend in
                let settings = SettingsReader(folder.config)
                let configuration = try self.folder(settings)
                try settings.refuse(neutral + FolderSettings.neutral)
                let weights = FileWeights(
                    folder,
                    storedName: { name in
                        guard !folder.contains(tensor: name), let other = folderAlias(name), folder.contains(tensor: other) else {
                            return name
                        }
                        return other
                    }, form: folderForm)
                weights.ignore(folder.tensorNames.filter(folderIgnores))
                return try CausalDecoder(configuration, weights: weights, options, on: backend, build: build)
            },
            gguf: gguf.map(loader))
    }

    private func loader(_ form: GGUFForm) -> LanguageArchitecture.GGUFLoader {
        { file, options, backend in
            let settings = GGUFSettings(file, family: name)
            let configuration = try form.configuration(settings)
            try settings.finish()
            let weights = FileWeights(
                file, storedName: form.names.stored,
                // The rows are put back, so that neurons have the same numbers whatever file a model came from.
                form: { name in
                    guard form.interleavesPairs, name.contains("self_attn.") else { return .plain }
                    return name.contains("q_proj")
                        ? .rotaryPairs(heads: configuration.heads)
                        : name.contains("k_proj") ? .rotaryPairs(heads: configuration.keyHeads) : .plain
                })
            // Read with the settings.
            weights.ignore(GGUFSettings.rotaryTensors)
            return try CausalDecoder(configuration, weights: weights, options, on: backend, build: build)
        }
    }
}
