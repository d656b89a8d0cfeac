import Foundation
import Foundations

// Writes a Swift file with the contents of others: FileEmbedder OUTPUT FILE…
let arguments = Array(CommandLine.arguments.dropFirst())
guard let output = arguments.first else {
    FileHandle.standardError.write(Data("FileEmbedder: usage: FileEmbedder OUTPUT FILE…\n".utf8))
    exit(2)
}
var text = """
    // Generated from the files of this module by FileEmbedder.
    import Foundation

    /// The files of this module, by name.
    enum ServerFiles {
        /// Base64 in string literals is the form of constants that Swift compiles in seconds.
        private static let table: [String: (hash: String, base64: StaticString)] = [

    """
var names: Set<String> = []
do {
    for path in arguments.dropFirst() {
        let name = URL(fileURLWithPath: path).lastPathComponent
        guard names.insert(name).inserted else {
            FileHandle.standardError.write(Data("FileEmbedder: two files are called \(name)\n".utf8))
            exit(1)
        }
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        text += "        \"\(name)\": (\"\(FNVHash(data).text)\", \"\(data.base64EncodedString())\"),\n"
    }
    text += """
                "": ("", ""),
            ]

            private static let decoded = table.mapValues { Array(Data(base64Encoded: "\\($0.base64)")!) }

            /// The bytes of a file; nil for one that is not there.
            static func bytes(of name: String) -> [UInt8]? { name.isEmpty ? nil : decoded[name] }

            /// What tells a file's contents from others.
            static func hash(of name: String) -> String { table[name]?.hash ?? "" }
        }

        """
    try Data(text.utf8).write(to: URL(fileURLWithPath: output))
} catch {
    FileHandle.standardError.write(Data("FileEmbedder: \(error)\n".utf8))
    exit(1)
}
