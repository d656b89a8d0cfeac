extension LanguageArchitecture {
    /// SmolLM3 (Bakouch et al. 2025): Llama whose every fourth layer does not know positions (Yang et al. 2025, "Rope to Nope and Back Again").
    static let smollm3 = DecoderFamily(
        name: "smollm3", className: "SmolLM3ForCausalLM",
        folder: { settings in
            let defaults = FolderDefaults(keyHeads: 4, contextLength: 32_768, rotaryBase: 2_000_000, tiesEmbedding: true)
            var c = try DecoderConfiguration(settings, family: "smollm3", defaults)
            try c.readAttentionBias(settings)
            try c.readMLPBias(settings)
            let interval = try settings.integer(ifPresent: "no_rope_layer_interval", in: DecoderConfiguration.layerCounts) ?? 4
            // 1 for a layer that knows positions.
            let turns =
                try settings.integers(ifPresent: "no_rope_layers", in: 0...1) ?? (0..<c.layers).map { ($0 + 1) % interval == 0 ? 0 : 1 }
            guard turns.count == c.layers else {
                throw ModelError.invalidConfiguration("no_rope_layers names \(turns.count) layers of \(c.layers)")
            }
            c.rotary = zip(c.rotary, turns).map { $1 == 1 ? $0 : nil }
            let window = try LayerTypes.window(settings, silent: nil)
            let isUsed = try settings.bool(ifPresent: "use_sliding_window") == true
            // What layer_types says of windows does not count where they are not in use.
            guard isUsed else {
                _ = try LayerTypes.stated(settings, layers: c.layers)
                return c
            }
            c.windows = try LayerTypes.windows(window, settings, layers: c.layers) { turns[$0] == 0 }
            return c
        },
        gguf: DecoderFamily.GGUFForm(interleavesPairs: true) { settings in
            var c = try DecoderConfiguration(settings)
            c.rotary = c.rotary.enumerated().map { ($0 + 1) % 4 == 0 ? nil : $1 }
            (c.queryKeyValueBias, c.attentionOutputBias, c.mlpBias) = (.ifStored, .ifStored, .ifStored)
            return c
        },
        build: { c, m in try DecoderParts(c, m) { try .llama(c, $0, layer: $1) } }
    ).architecture
}
