import Foundation
import Foundations
import ModelFiles

/// Where models lie on this machine.
public enum ModelCatalogue {
    /// Models that `tools/get-model` obtains, by the name a user gives.
    public static let known = ["gemma3": "gemma-3-270m.Q4_K_M.gguf", "smollm2": "SmolLM2-135M-Instruct.Q4_1.gguf"]

    /// Encoders of texts that `tools/get-model` obtains, by the name a user gives.
    public static let knownEncoders = ["minilm": "all-MiniLM-L6-v2"]

    /// `$MONGE_MODELS`, else `monge` in the user's cache folder.
    public static var folder: URL {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["MONGE_MODELS"], !folder.isEmpty { return URL(fileURLWithPath: folder, isDirectory: true) }
        return CacheFolder.url
    }

    /// The files that are read for the model at a place: all parts of a split file, or the folder.
    public static func files(at url: URL) -> [String] { GGUFSplit(path: url.path)?.paths ?? [url.path] }

    /// The file or folder that a path or a name stands for.
    ///
    /// - Throws: ``MongeError/modelNotFound(_:)`` when there is none.
    public static func locate(_ nameOrPath: String) throws -> URL {
        try locate(nameOrPath, known) {
            "there is no model file '\(nameOrPath)'; give a path to a .gguf file or a Hugging Face folder, or a name: \($0)"
        }
    }

    /// The folder of an encoder of texts that a path or a name stands for.
    ///
    /// - Throws: ``MongeError`` when there is none, or it is no folder of a model.
    public static func locateEncoder(_ nameOrPath: String) throws -> String {
        let url = try locate(nameOrPath, knownEncoders) {
            "there is no folder '\(nameOrPath)' of an encoder of texts; give a path to a Hugging Face folder, or a name: \($0)"
        }
        guard url.isFolder else {
            throw MongeError.usage(
                "\(url.path) is a file; an encoder of texts is a Hugging Face folder, with config.json and the tokenizer's files")
        }
        try ModelKind.require(url)
        return url.path
    }

    private static func locate(_ nameOrPath: String, _ known: [String: String], missing: (_ names: String) -> String) throws -> URL {
        let direct = URL(fileURLWithPath: nameOrPath)
        if FileManager.default.fileExists(atPath: direct.path) { return direct }
        for candidate in [known[nameOrPath], "\(nameOrPath).gguf", nameOrPath].compactMap({ $0 }) where !nameOrPath.contains("/") {
            let url = folder.appendingPathComponent(candidate)
            if FileManager.default.fileExists(atPath: url.path) { return url }
        }
        if known[nameOrPath] != nil {
            throw MongeError.modelNotFound("the model \(nameOrPath) is not on this machine yet; `tools/get-model \(nameOrPath)` fetches it")
        }
        throw MongeError.modelNotFound(missing(known.keys.sorted().joined(separator: ", ")))
    }
}
