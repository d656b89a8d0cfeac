import Foundation

/// What a folder is by the files in it: for messages about folders that are no models.
public struct FolderKind: Sendable {
    /// Why it is no model and what to do; nil when it looks like one.
    public let problem: String?

    public init(path: String) {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
        func has(_ name: String) -> Bool { names.contains(name) }
        let models = names.filter { $0.lowercased().hasSuffix(".gguf") }
        problem =
            if has("config.json") {
                nil
            } else if has("model_index.json") {
                "is a diffusers folder, a text-to-image model; `monge image` draws with it, and this takes a language model"
            } else if has("adapter_config.json") {
                "holds a LoRA adapter; merge it into its model first"
            } else if models.count == 1 {
                "has no config.json; its GGUF file is taken by --model \(path)/\(models[0])"
            } else if !models.isEmpty {
                "has no config.json; --model takes one of its GGUF files: \(models.prefix(8).joined(separator: ", "))"
            } else if names.isEmpty {
                "is an empty folder"
            } else {
                "is a folder without config.json, and so no model"
            }
    }

    /// The model's folder that a file is part of, when it is not a model by itself.
    public static func modelFolder(around path: String) -> String? {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        return FileManager.default.fileExists(atPath: folder + "/config.json") ? folder : nil
    }
}
