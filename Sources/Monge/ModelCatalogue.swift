import Foundation
import Foundations
import ModelFiles

/// Where models lie on this machine.
public enum ModelCatalogue {
    /// Models that `tools/get-model` obtains, by the name a user gives.
    public static let known = ["gemma3": "gemma-3-270m.Q4_K_M.gguf", "smollm2": "SmolLM2-135M-Instruct.Q4_1.gguf"]

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
        let direct = URL(fileURLWithPath: nameOrPath)
        if FileManager.default.fileExists(atPath: direct.path) { return direct }
        for candidate in [known[nameOrPath], "\(nameOrPath).gguf", nameOrPath].compactMap({ $0 }) where !nameOrPath.contains("/") {
            let url = folder.appendingPathComponent(candidate)
            if FileManager.default.fileExists(atPath: url.path) { return url }
        }
        if known[nameOrPath] != nil {
            throw MongeError.modelNotFound("the model \(nameOrPath) is not on this machine yet; `tools/get-model \(nameOrPath)` fetches it")
        }
        throw MongeError.modelNotFound(
            "there is no model file '\(nameOrPath)'; give a path to a .gguf file or a Hugging Face folder, or a name: "
                + known.keys.sorted().joined(separator: ", "))
    }
}
