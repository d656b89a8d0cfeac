extension LanguageArchitecture {
    /// Gemma 3 (Gemma Team 2025), its text model: norms before and behind attention and MLP, norms of each head of queries and keys, and
    /// five layers with a window and a rotary base of their own for each one that sees everything.
    static let gemma3 = DecoderFamily(
        name: "gemma3", modelType: "gemma3_text", className: "Gemma3ForCausalLM",
        folder: { settings in
            let defaults = FolderDefaults.gemma(contextLength: 131_072, rotaryBase: 1_000_000)
            func windows(_ layers: Int) throws -> [Int?] {
                let period = try settings.integer(ifPresent: "sliding_window_pattern", in: DecoderConfiguration.layerCounts) ?? 6
                let window = try LayerTypes.window(settings, silent: 4096)
                return try LayerTypes.windows(window, settings, layers: layers) { ($0 + 1) % period != 0 }
            }
            var c = try DecoderConfiguration(settings, family: "gemma3", defaults) { rotary, layers in
                let positions = try rotary.positions(localBase: "rope_local_base_freq", usual: 10000)
                return try windows(layers).map { $0 == nil ? positions.full : positions.sliding }
            }
            c.windows = try windows(c.layers)
            try c.readGemma(settings)
            c.logitSoftCap = try FolderSettings.softCap(settings, "final_logit_softcapping", silent: nil)
            return c
        },
        folderForm: DecoderFamily.gemmaFolderForm,
        gguf: DecoderFamily.GGUFForm(names: .normedTwice) { settings in
            var c = try DecoderConfiguration(settings, period: 6)
            let localBase = try settings.reader.number(ifPresent: "rope.freq_base_swa", in: Float.leastNormalMagnitude...1e30) ?? 10000
            c.rotary = zip(c.rotary, c.windows).map { $1 == nil ? $0 : RotaryPosition(base: localBase) }
            // The model of 62 layers divides by √(hidden / heads), which its files do not say.
            c.readGemma(dividesByHidden: c.layers == 62)
            c.logitSoftCap = try settings.softCap("final_logit_softcapping")
            return c
        },
        build: { c, m in
            // The module multiplies rows before it gives them out.
            try DecoderParts(c, m, embeddingScale: (Float(c.hidden).squareRoot(), isBeforeSite: true)) {
                try .gemma(c, $0, layer: $1, norms: .heads)
            }
        }
    ).architecture
}
