import Foundation
import ShaderCompilation
import Testing

@Suite struct ShaderFolderTests {
    @Test func everyVariantIsCompiledPlainAndChecked() throws {
        try withFolder(["linear/product.comp": "// variants: T = float int\n" + Self.shader(body: "o.at[0] = uint(T(1));")]) { folder in
            let (modules, warnings) = try ShaderFolder(path: folder).compile()
            #expect(
                modules.map(\.name) == [
                    "linear/product-float", "linear/product-float+checked", "linear/product-int", "linear/product-int+checked",
                ])
            #expect(warnings.isEmpty)
            for module in modules {
                // The magic number, and version 1.6 (SPIR-V specification, section 2.3).
                #expect(Array(module.words.prefix(2)) == [0x0723_0203, 0x0001_0600], "\(module.name)")
            }
        }
    }

    @Test func checkedIsDefinedInCheckedBuildsOnly() throws {
        let body = "#ifdef CHECKED\no.at[0] = 0xC0FFEEu;\n#else\no.at[0] = 0xBEEFu;\n#endif"
        try withFolder(["a/b.comp": Self.shader(body: body)]) { folder in
            let modules = try ShaderFolder(path: folder).compile().modules
            #expect(modules.map { $0.words.contains(0xC0FFEE) } == [false, true])
            #expect(modules.map { $0.words.contains(0xBEEF) } == [true, false])
        }
    }

    @Test func anErrorNamesFileAndLineOnceForAllVariants() throws {
        let files = ["a/broken.comp": "// variants: T = float int\n" + Self.shader(body: "\n\no.at[0] = missing;\n")]
        try withFolder(files) { folder in
            let errors = try #require(throws: ShaderErrors.self) { try ShaderFolder(path: folder).compile() }
            // The body starts on line 8, after the variants and the six lines before it.
            #expect(errors.description.hasPrefix("\(folder)/a/broken.comp:10: error: 'missing' : undeclared identifier"))
            #expect(errors.diagnostics.filter { $0.message.contains("undeclared") }.count == 1)
        }
    }

    @Test func anErrorInAnIncludedFileNamesThatFile() throws {
        let files = [
            "common/helper.glsl": "#pragma once\nuint helper() {\n    return absent;\n}\n",
            "a/user.comp": Self.shader(head: "#include \"common/helper.glsl\"", body: "o.at[0] = helper();"),
        ]
        try withFolder(files) { folder in
            let errors = try #require(throws: ShaderErrors.self) { try ShaderFolder(path: folder).compile() }
            #expect(errors.description.hasPrefix("\(folder)/common/helper.glsl:3: error: 'absent'"))
        }
    }

    @Test func linesAfterAnIncludeKeepTheirNumbers() throws {
        let files = [
            "common/helper.glsl": "#pragma once\nuint helper() { return 1; }\n",
            "a/beside.glsl": "#include \"common/helper.glsl\"\n",
            "a/user.comp": Self.shader(
                head: "#include \"beside.glsl\"\n#include \"common/helper.glsl\"", body: "o.at[0] = helper() + absent;"),
        ]
        try withFolder(files) { folder in
            let errors = try #require(throws: ShaderErrors.self) { try ShaderFolder(path: folder).compile() }
            #expect(errors.description.hasPrefix("\(folder)/a/user.comp:8: error: 'absent'"))
        }
    }

    @Test func missingAndRecursiveIncludesAreErrors() throws {
        try withFolder(["a/user.comp": "#version 460\n#include \"nowhere.glsl\"\n"]) { folder in
            let errors = try #require(throws: ShaderErrors.self) { try ShaderFolder(path: folder).compile() }
            #expect(errors.description.hasPrefix("\(folder)/a/user.comp:2: error: there is no nowhere.glsl"))
        }
        try withFolder(["a/user.comp": "#version 460\n#include \"self.glsl\"\n", "a/self.glsl": "#include \"self.glsl\"\n"]) { folder in
            let errors = try #require(throws: ShaderErrors.self) { try ShaderFolder(path: folder).compile() }
            #expect(errors.description.contains("includes itself"))
        }
    }

    @Test func aShaderWithoutVersionIsAnError() throws {
        try withFolder(["a/b.comp": "void main() {}\n"]) { folder in
            let errors = try #require(throws: ShaderErrors.self) { try ShaderFolder(path: folder).compile() }
            #expect(errors.description.contains("#version 460"))
        }
    }

    @Test func theCacheGivesTheSameModulesAndNoticesChanges() throws {
        try withFolder(["a/b.comp": Self.shader(body: "o.at[0] = 0xBEEFu;")]) { folder in
            let cache = try ModuleCache(folder: URL(fileURLWithPath: folder + "/cache"))
            let first = try ShaderFolder(path: folder).compile(cache: cache).modules
            let second = try ShaderFolder(path: folder).compile(cache: cache).modules
            #expect(first.map(\.words) == second.map(\.words))
            try Self.shader(body: "o.at[0] = 0xC0FFEEu;").write(toFile: folder + "/a/b.comp", atomically: true, encoding: .utf8)
            let third = try ShaderFolder(path: folder).compile(cache: cache).modules
            #expect(third.allSatisfy { $0.words.contains(0xC0FFEE) })
        }
    }

    @Test func theSwiftFileHoldsEachModuleInBase64() throws {
        try withFolder(["a/b.comp": Self.shader(body: "o.at[0] = 1;")]) { folder in
            let modules = try ShaderFolder(path: folder).compile().modules
            let file = SwiftOutput.file(modules)
            for module in modules {
                let entry = try #require(file.split(separator: "\n").first { $0.contains("\"\(module.name)\"") })
                let parts = entry.split(separator: "\"")
                let bytes = try #require(Data(base64Encoded: String(parts[3])))
                #expect(bytes == module.words.withUnsafeBytes { Data($0) })
            }
        }
    }

    /// A shader that writes to a buffer. The body starts six lines below the first when there is no head.
    private static func shader(head: String = "", body: String) -> String {
        """
        #version 460
        #extension GL_EXT_buffer_reference : require
        \(head)
        layout(buffer_reference) buffer Output { uint at[]; };
        layout(push_constant) uniform Arguments { Output o; };
        void main() {
        \(body)
        }

        """
    }

    private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("shaders-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let file = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        try body(folder.path)
    }
}
