import FileSystem
import Foundation
import ModelFiles

/// A judge that is a program: it gets a folder of PNG files as its last argument, and prints one line of JSON a picture to standard output, an object
/// with the file's name under `file` and its labels under any other keys: texts, numbers, true or false, lists and objects of them.
public struct CommandJudge: PictureJudge {
    private let command: String

    /// - Parameter command: As a shell takes it, the folder aside.
    public init(_ command: String) { self.command = command }

    public var name: String { command }

    public func verdicts(of files: [String], in folder: String, progress: ProgressHandler?) throws -> [PictureVerdict] {
        try progress?(Progress(activity: "judging", done: 0, total: files.count, unit: "pictures"))
        let (output, status) = try ShellProcess.output(of: command, argument: folder)
        guard status == .exited(0) else { throw MongeError.failed("the judge '\(command)' \(status); what it says is above") }
        let verdicts = try Self.verdicts(output, files: files, command: command)
        try progress?(Progress(activity: "judging", done: files.count, total: files.count, unit: "pictures"))
        return verdicts
    }

    /// The verdicts in what a judge printed.
    package static func verdicts(_ output: [UInt8], files: [String], command: String) throws -> [PictureVerdict] {
        let known = Set(files)
        var found: [String: PictureVerdict] = [:]
        for (index, line) in output.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
            func wrong(_ what: String) -> MongeError { .failed("line \(index + 1) of the judge '\(command)' \(what)") }
            let text = String(decoding: line, as: UTF8.self).beginning
            guard let value = try? JSONParser.parse(MappedFile(contents: Array(line), name: "line \(index + 1)")) else {
                throw wrong("is not JSON: '\(text)'")
            }
            guard let object = value.object, let path = object["file"]?.string else {
                throw wrong("is no object with the name of a picture under 'file': '\(text)'")
            }
            let file = (path as NSString).lastPathComponent
            guard known.contains(file) else { throw wrong("is about '\(path)', which is none of the pictures that it was given") }
            guard found[file] == nil else { throw wrong("is a second one about \(file)") }
            found[file] = PictureVerdict(JSONObject(members: object.members.filter { $0.key != "file" }))
        }
        return try files.map { file in
            guard let verdict = found[file] else {
                throw MongeError.failed(
                    "the judge '\(command)' prints no line about \(file); it does about \(found.count) of \(files.count) pictures")
            }
            return verdict
        }
    }
}
