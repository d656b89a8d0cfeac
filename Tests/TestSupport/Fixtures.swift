import Foundation
import ModelFiles

/// The folder of fixtures.
package let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

package func fixture(_ path: String) throws -> Data { try Data(contentsOf: fixtures.appending(path: path)) }

/// Says where a model that a test needs was looked for.
package struct MissingModel: Error, CustomStringConvertible {
    let paths: [String]
    package var description: String { "the test needs a model file at one of \(paths.joined(separator: ", ")); tools/get-model fetches it" }
}

/// The path of a model: in the folder of the environment variable MONGE_MODELS, or in the user's cache.
private func modelPath(_ name: String) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    var folders: [String] = []
    if let folder = environment["MONGE_MODELS"] { folders.append(folder) }
    folders.append((environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/monge")
    let paths = folders.map { $0 + "/" + name }
    guard let path = paths.first(where: FileManager.default.fileExists(atPath:)) else { throw MissingModel(paths: paths) }
    return path
}

/// The path of SmolLM2-135M-Instruct.
package func smolLM2Path() throws -> String { try modelPath("SmolLM2-135M-Instruct.Q4_1.gguf") }

/// The path of Gemma-3-270m.
package func gemma3Path() throws -> String { try modelPath("gemma-3-270m.Q4_K_M.gguf") }

/// The folder of all-MiniLM-L6-v2.
package func miniLMPath() throws -> String { try modelPath("all-MiniLM-L6-v2") }

/// SmolLM2's file, opened once for all tests.
package enum SmolLM2 {
    package static let file = Result { try GGUFFile(path: smolLM2Path()) }
}

/// What Hugging Face's `tokenizers` made of texts of all kinds.
package struct TokenizerFixture: Decodable {
    package struct Case: Decodable {
        package let text: String
        package let ids: [Int32]
        package let special: Bool
    }
    package let cases: [Case]
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014: the same numbers for the same seed everywhere.
package struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A new empty folder that is removed after `body`.
package func withTemporaryFolder<T>(_ body: (String) throws -> T) throws -> T {
    let folder = FileManager.default.temporaryDirectory.appending(path: "monge-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}
