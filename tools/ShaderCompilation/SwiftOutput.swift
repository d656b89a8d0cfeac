import Foundation

/// Modules as a Swift file. Base64 in string literals is the form of a few megabytes of constants that Swift compiles in seconds.
public enum SwiftOutput {
    public static func file(_ modules: [ShaderFolder.Module]) -> String {
        var text = """
            // Generated from the shaders by ShaderCompiler.

            /// The SPIR-V of the shaders of this module, by name.
            enum CompiledShaders {
                /// Base64 of each module's words, little-endian.
                static let all: [String: StaticString] = Dictionary(uniqueKeysWithValues: table)

                private static let table: [(String, StaticString)] = [

            """
        for module in modules {
            let bytes = module.words.map(\.littleEndian).withUnsafeBytes { Data($0) }
            text += "        (\"\(module.name)\", \"\(bytes.base64EncodedString())\"),\n"
        }
        text += "    ]\n}\n"
        return text
    }
}
