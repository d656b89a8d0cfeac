import ModelFiles

/// Which layers of a decoder have a sliding window, as a folder's settings say it.
enum LayerTypes {
    /// The kinds of attention that `layer_types` names, by layer; nil when a folder has no such setting.
    static func stated(_ settings: SettingsReader, layers: Int) throws -> [String]? {
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

    /// The window of each layer: on those that `layer_types` names, or without it on those of a rule.
    /// - Parameters:
    ///   - window: Nil where a folder has none in use.
    ///   - slides: The rule.
    static func windows(_ window: Int?, _ settings: SettingsReader, layers: Int, slides: (Int) -> Bool) throws -> [Int?] {
        guard let types = try stated(settings, layers: layers) else { return (0..<layers).map { slides($0) ? window : nil } }
        guard window != nil || !types.contains("sliding_attention") else {
            throw ModelError.invalidConfiguration("layer_types has layers of 'sliding_attention', but no sliding_window is in use")
        }
        return types.map { $0 == "sliding_attention" ? window : nil }
    }

    /// One window for all layers, for models whose classes do not look at `layer_types`.
    static func uniform(window: Int?, _ settings: SettingsReader, layers: Int) throws -> [Int?] {
        let expected = window == nil ? "full_attention" : "sliding_attention"
        if let types = try stated(settings, layers: layers), let other = types.first(where: { $0 != expected }) {
            throw ModelError.unsupportedSetting(
                key: "layer_types", value: "'\(other)'", meaning: "all layers of this model are of \(expected)")
        }
        return [Int?](repeating: window, count: layers)
    }

    /// The stated window, or what stands for silence; null is none.
    static func window(_ settings: SettingsReader, silent: Int?) throws -> Int? {
        let stated = try settings.integer(ifPresent: "sliding_window", in: DecoderConfiguration.extents)
        return stated ?? (settings.isNull("sliding_window") ? nil : silent)
    }
}
