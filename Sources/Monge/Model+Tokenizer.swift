import Foundation
import ModelFiles
import Tokenizers

extension Model {
    /// The tokenizer of a model file or folder, without the model.
    public static func loadTokenizer(_ url: URL) throws -> any Tokenizer {
        try ModelKind.require(url)
        return url.isFolder ? try HuggingFaceFolder(path: url.path).tokenizer() : try TokenizerRegistry.load(GGUFFile(path: url.path))
    }

    /// The layout of conversations of a model file or folder, without the model.
    public static func loadChatTemplate(_ url: URL) throws -> ChatTemplate {
        url.isFolder ? try HuggingFaceFolder(path: url.path).chatTemplate() : try ChatTemplate(GGUFFile(path: url.path))
    }
}

extension URL {
    /// Whether a folder is there.
    var isFolder: Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
