import FileSystem

/// What can be wrong with a file that a model, a tokenizer or a set of sentences is read from, as one sentence.
public enum ModelFileError: Error, Equatable, CustomStringConvertible {
    /// The operating system refused to open, map or read the file.
    case inaccessible(file: String, detail: String)
    /// The file cannot be written.
    case unwritable(FileError)
    /// The file breaks the rules of its format: cut short, corrupted, or not of this format at all.
    case malformed(file: String, detail: String)
    /// The file is of another kind than is wanted.
    case otherKind(file: String, found: FileKind, expected: FileKind)
    /// The file is well formed, but asks for something this library does not do.
    case unsupported(file: String, detail: String)
    /// The file has no value under this key.
    case missingKey(file: String, key: String, expected: String)
    /// The value under this key has another type.
    case wrongType(file: String, key: String, expected: String, found: String)
    /// The file has no tensor of this name.
    case missingTensor(file: String, tensor: String)
    /// A text file has a line that cannot be read.
    case invalidLine(file: String, line: Int, detail: String)

    public var description: String {
        switch self {
        case .inaccessible(let file, let detail), .malformed(let file, let detail), .unsupported(let file, let detail):
            "\(file): \(detail)"
        case .otherKind(let file, let found, let expected):
            "\(file) is \(found.name), where \(expected.name) is expected" + (found.use.map { "; \($0)" } ?? "")
        case .unwritable(let error): "\(error)"
        case .missingKey(let file, let key, let expected):
            "\(file) has no value '\(key)' (\(expected))"
        case .wrongType(let file, let key, let expected, let found):
            "\(file): the value '\(key)' is \(found) where \(expected) is expected"
        case .missingTensor(let file, let tensor):
            "\(file) has no tensor '\(tensor)'"
        case .invalidLine(let file, let line, let detail):
            "\(file), line \(line): \(detail)"
        }
    }
}

extension ModelFileError {
    /// Says what a file is that is not what was wanted.
    static func otherKind(_ file: MappedFile, expected: FileKind) -> ModelFileError {
        .otherKind(file: file.name, found: FileKind(file), expected: expected)
    }
}
