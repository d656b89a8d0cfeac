import Foundation
import Foundations

/// Variants that the build's compiler does not know are compiled ahead, by tools/prebuild-shaders, into the folder `prebuilt`: a module
/// for each, and in `hashes.txt` the hash of the text it was compiled from. A module whose text has changed since is not used.
extension ShaderFolder {
    /// A variant to compile ahead.
    public struct PrebuiltSource: Sendable {
        /// As that of a module: `linear/matrix-khr-f16`.
        public let name: String
        public let text: String

        /// 64-bit FNV-1a (Fowler, Noll, Vo) of the text without empty lines, comments that have a line of their own, and `#line`
        /// directives, in hexadecimal: what a comment says changes no module.
        public var hash: String {
            var hash = FNVHash()
            for line in text.split(separator: "\n").map(\.trimmed) where !line.isEmpty && !line.hasPrefix("//") && !line.hasPrefix("#line")
            {
                hash.add(line.utf8)
                hash.add([10])
            }
            return hash.text
        }

        /// The name as that of a file.
        public var fileName: String { name.replacingOccurrences(of: "/", with: "__") }
    }

    /// The variants to compile ahead, sorted by name.
    public func prebuiltSources() throws -> [PrebuiltSource] {
        try shaders().flatMap { shader in
            let (source, variants) = try read(shader)
            return try variants.prebuiltProduct.map {
                PrebuiltSource(name: shader + $0.suffix, text: try source.defining($0.definitions))
            }
        }.sorted { $0.name < $1.name }
    }

    /// The modules that were compiled from the text as it is.
    /// - Returns: them, and the names of those that were not or are missing.
    public func prebuiltModules() throws -> (modules: [Module], stale: [String]) {
        let hashes = prebuiltHashes()
        var modules: [Module] = []
        var stale: [String] = []
        for source in try prebuiltSources() {
            if hashes[source.name] == source.hash, let words = prebuiltWords(source) {
                modules.append(Module(name: source.name, words: words))
            } else {
                stale.append(source.name)
            }
        }
        return (modules, stale)
    }

    /// What the folder `prebuilt` holds: names and hashes.
    public func prebuiltHashes() -> [String: String] {
        let text = (try? String(contentsOf: prebuiltFolder.appendingPathComponent("hashes.txt"), encoding: .utf8)) ?? ""
        let pairs = text.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count == 2 }
        return Dictionary(pairs.map { (String($0[0]), String($0[1])) }, uniquingKeysWith: { $1 })
    }

    /// Writes `<name>.comp` for each variant to compile ahead, and `hashes.txt`.
    public func writePrebuiltSources(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let sources = try prebuiltSources()
        for source in sources {
            try source.text.write(
                to: folder.appendingPathComponent(source.fileName + ".comp"), atomically: true, encoding: .utf8)
        }
        try sources.map { "\($0.name) \($0.hash)\n" }.joined().write(
            to: folder.appendingPathComponent("hashes.txt"), atomically: true, encoding: .utf8)
    }

    private var prebuiltFolder: URL { URL(fileURLWithPath: path).appendingPathComponent("prebuilt") }

    private func prebuiltWords(_ source: PrebuiltSource) -> [UInt32]? {
        let file = prebuiltFolder.appendingPathComponent(source.fileName + ".spv")
        guard let bytes = try? Data(contentsOf: file), bytes.count.isMultiple(of: 4), bytes.count > 20 else { return nil }
        let words = [UInt32](unsafeUninitializedCapacity: bytes.count / 4) { buffer, count in
            count = bytes.copyBytes(to: buffer) / 4
        }.map(UInt32.init(littleEndian:))
        // The magic number (SPIR-V specification, section 2.3).
        return words[0] == 0x0723_0203 ? words : nil
    }
}
