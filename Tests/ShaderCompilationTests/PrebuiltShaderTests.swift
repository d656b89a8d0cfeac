import Foundation
import ShaderCompilation
import Testing

/// Modules that are compiled ahead belong to the shaders beside them.
@Suite struct PrebuiltShaderTests {
    /// The shaders of the package.
    private static let shaders = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Shaders").path

    @Test func everyPrebuiltModuleIsOfTheShaderAsItIs() throws {
        let folder = ShaderFolder(path: Self.shaders)
        let (modules, stale) = try folder.prebuiltModules()
        #expect(!modules.isEmpty)
        #expect(stale == [], "run tools/prebuild-shaders and commit Shaders/prebuilt")
        #expect(Set(folder.prebuiltHashes().keys) == Set(modules.map(\.name)), "modules of shaders that are gone")
        for module in modules { #expect(module.words[1] == 0x0001_0600, "\(module.name) is not SPIR-V 1.6") }
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.shaders + "/prebuilt").filter { $0.hasSuffix(".spv") }
        #expect(files.count == modules.count)
        let bytes = modules.reduce(0) { $0 + 4 * $1.words.count }
        #expect(bytes < 1 << 20, "the modules take \(bytes) bytes")
    }

    @Test func changedTextMakesAModuleStaleAndAChangedCommentDoesNot() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let family = folder.appendingPathComponent("a")
        let prebuilt = folder.appendingPathComponent("prebuilt")
        for place in [family, prebuilt] { try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true) }
        func write(_ text: String) throws {
            try text.write(to: family.appendingPathComponent("b.comp"), atomically: true, encoding: .utf8)
        }
        let head = "// variants: M = plain\n// prebuilt: M = fast\n// variants: W = x y\n#version 460\n"
        try write(head + "void main() {}\n")
        let shaders = ShaderFolder(path: folder.path)
        #expect(try shaders.prebuiltSources().map(\.name) == ["a/b-fast-x", "a/b-fast-y"])
        #expect(try shaders.prebuiltModules().stale == ["a/b-fast-x", "a/b-fast-y"])

        let sources = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: sources) }
        try shaders.writePrebuiltSources(to: sources)
        try FileManager.default.copyItem(
            at: sources.appendingPathComponent("hashes.txt"), to: prebuilt.appendingPathComponent("hashes.txt"))
        let words: [UInt32] = [0x0723_0203, 0x0001_0600, 0, 1, 0, 0]
        for name in ["a__b-fast-x", "a__b-fast-y"] {
            try words.withUnsafeBytes { try Data($0).write(to: prebuilt.appendingPathComponent(name + ".spv")) }
        }
        #expect(try shaders.prebuiltModules().modules.map(\.name) == ["a/b-fast-x", "a/b-fast-y"])
        try write(head + "\n  // Nothing to do.\nvoid main() {}\n")
        #expect(try shaders.prebuiltModules().stale == [])
        try write(head + "void main() { return; }\n")
        #expect(try shaders.prebuiltModules().stale == ["a/b-fast-x", "a/b-fast-y"])
        #expect(try shaders.prebuiltModules().modules.isEmpty)
    }
}
