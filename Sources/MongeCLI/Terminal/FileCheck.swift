import FileSystem
import Foundation
import ModelFiles
import Monge

/// A file that a command reads or writes, with the option that named it.
struct NamedFile {
    let option: String
    let path: String

    /// Nil when the option was not given.
    init?(_ option: String, _ path: String?) {
        guard let path else { return nil }
        (self.option, self.path) = (option, path)
    }
}

extension NamedFile {
    /// The file or folder of a model: a path, or a name from the cache.
    static func model(_ nameOrPath: String?) -> [NamedFile?] {
        guard let nameOrPath, let url = try? ModelCatalogue.locate(nameOrPath) else { return [] }
        return ModelCatalogue.files(at: url).map { NamedFile("--model", $0) }
    }

    /// Refuses, before work begins, outputs that cannot be written, that are one file with another, or that the command reads.
    /// - Throws: ``MongeError/usage(_:)``
    static func check(outputs: [NamedFile?], inputs: [NamedFile?]) throws {
        var taken: [FileIdentity: String] = [:]
        for input in inputs.compactMap({ $0 }) {
            let path = input.path == StandardInput.name ? "/dev/stdin" : input.path
            for identity in FileIdentity.files(at: path) { taken[identity] = "is read (\(input.option) \(input.path))" }
        }
        let printed = FileIdentity("/dev/stdout")
        for output in outputs.compactMap({ $0 }) {
            let file = OutputFile(output.path)
            do {
                try file.check()
            } catch {
                throw MongeError.usage("\(output.option) \(error)")
            }
            guard let identity = FileIdentity(file), !identity.isShared else { continue }
            // What is printed into a file would be lost with another that takes its place.
            let isPrinted = identity == printed && !file.isOpenFile
            if let reason = taken[identity] ?? (isPrinted ? "takes what is printed" : nil) {
                throw MongeError.usage("\(output.option) \(output.path): this file \(reason) in the same command; name another")
            }
            taken[identity] = "is written (\(output.option) \(output.path))"
        }
    }
}
