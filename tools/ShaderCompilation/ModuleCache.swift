import Foundation

/// Compiled modules of earlier builds, each beside the complete text it was compiled from. Losing an entry costs a compilation and
/// nothing else, so failures to read or write are not errors.
public struct ModuleCache: Sendable {
    private let folder: URL

    public init(folder: URL) throws {
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func words(name: String, text: String) -> [UInt32]? {
        guard let kept = try? Data(contentsOf: file(name, "glsl")), kept == stamped(text),
            let module = try? Data(contentsOf: file(name, "spv")), module.count.isMultiple(of: 4), !module.isEmpty
        else { return nil }
        return [UInt32](unsafeUninitializedCapacity: module.count / 4) { buffer, count in
            count = module.copyBytes(to: buffer) / 4
        }
    }

    func keep(_ words: [UInt32], name: String, text: String) {
        // The text goes last and atomically: it vouches for the module.
        try? FileManager.default.removeItem(at: file(name, "glsl"))
        guard (try? words.withUnsafeBytes { Data($0) }.write(to: file(name, "spv"), options: .atomic)) != nil else { return }
        try? stamped(text).write(to: file(name, "glsl"), options: .atomic)
    }

    private func stamped(_ text: String) -> Data {
        Data("// \(GLSLCompiler.version)\n\(text)".utf8)
    }

    private func file(_ name: String, _ ending: String) -> URL {
        folder.appendingPathComponent(name.replacingOccurrences(of: "/", with: "__")).appendingPathExtension(ending)
    }
}
