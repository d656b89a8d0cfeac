import Foundation

/// The place of a file among the parts of a split model, as its name says it: `NAME-00002-of-00005.gguf`.
///
/// Source: llama.cpp, `llama_split_path` and `llama_split_prefix`.
public struct GGUFSplit: Sendable, Equatable {
    /// The path up to the number.
    let prefix: String
    /// From 0.
    let index: Int
    public let count: Int

    /// Nil for a name of another form.
    public init?(path: String) {
        guard let match = path.wholeMatch(of: /(?s)(.+)-([0-9]{5,7})-of-([0-9]{5,7})\.gguf/), let number = Int(match.2),
            let count = Int(match.3),
            (1...count).contains(number)
        else { return nil }
        (prefix, index, self.count) = (String(match.1), number - 1, count)
    }

    /// The path of a part.
    func path(_ index: Int) -> String { String(format: "%@-%05d-of-%05d.gguf", prefix, index + 1, count) }

    /// The paths of all parts, in order.
    public var paths: [String] { (0..<count).map(path) }
}

extension GGUFPart {
    /// All parts of the model that a file belongs to, in order: the file alone when it is not split.
    ///
    /// As in llama.cpp, `split.count` of the file decides, the others are found by their names, and each has to say that it is the one.
    static func all(_ file: MappedFile) throws(ModelFileError) -> [GGUFPart] {
        let given = try GGUFPart(file)
        let count = try given.splitValue("split.count") ?? 1
        guard count > 1 else { return [given] }
        guard let name = GGUFSplit(path: file.name) else {
            throw .unsupported(
                file: file.name,
                detail: "is one of \(count) parts of a model, whose names end in -00001-of-\(String(format: "%05d", count)).gguf; "
                    + "with another name the others cannot be found")
        }
        guard name.count == count else {
            throw .malformed(file: file.name, detail: "says that the model has \(count) parts (split.count); its name says \(name.count)")
        }
        var parts: [GGUFPart] = []
        for index in 0..<count {
            let path = name.path(index)
            let part: GGUFPart
            if index == name.index {
                part = given
            } else {
                guard FileManager.default.fileExists(atPath: path) else {
                    throw .inaccessible(file: path, detail: "is missing: part \(index + 1) of the \(count) of \(file.name)")
                }
                part = try GGUFPart(MappedFile(path: path))
            }
            let place = try part.splitValue("split.no")
            guard place == index, try part.splitValue("split.count") == count else {
                throw .malformed(
                    file: path,
                    detail: "says that it is part \(place.map { String($0 + 1) } ?? "?") of \(try part.splitValue("split.count") ?? 1), "
                        + "by its name it is part \(index + 1) of \(count)")
            }
            parts.append(part)
        }
        let tensorCount = parts.reduce(0) { $0 + $1.tensors.count }
        if let expected = try parts[0].splitValue("split.tensors.count"), expected != tensorCount {
            throw .malformed(
                file: file.name, detail: "the \(count) parts have \(tensorCount) tensors, the first says \(expected) (split.tensors.count)")
        }
        return parts
    }

    private func splitValue(_ key: String) throws(ModelFileError) -> Int? {
        guard let value = metadata[key] else { return nil }
        guard let integer = value.integer, (0...1 << 20).contains(integer) else {
            throw .wrongType(file: file.name, key: key, expected: "a count", found: value.typeDescription)
        }
        return integer
    }
}
