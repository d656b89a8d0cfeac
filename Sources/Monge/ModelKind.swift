import Foundation
import ModelFiles

/// Tells models from other files, by their contents.
enum ModelKind {
    /// Refuses a file or folder that is no model, and says what it is.
    ///
    /// Of GGUF files only the beginning is read here: `GGUFFile.requireModel()` looks at what such a file holds.
    static func require(_ url: URL) throws {
        if url.isFolder {
            if let problem = FolderKind(path: url.path).problem { throw ModelFileError.unsupported(file: url.path, detail: problem) }
            return
        }
        let file = try MappedFile(path: url.path)
        guard !FileKind.isGGUF(file) else { return }
        let kind = FileKind(file)
        if let folder = FolderKind.modelFolder(around: url.path) {
            throw MongeError.usage(
                "\(url.path) is \(kind.name), one of the files of the model in \(folder); give the folder: --model \(folder)")
        }
        throw ModelFileError.otherKind(file: url.path, found: kind, expected: .ggufModel)
    }
}
