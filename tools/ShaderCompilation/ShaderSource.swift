import Foundation

/// A shader with its includes expanded, ready for a compiler that knows no files.
///
/// Each `#include "name"` is replaced by the file of that name, looked for beside the including file and then in the root folder, between
/// `#line` directives. In those, and so in the compiler's messages, a file is a number: its index in ``files``. A file with
/// `#pragma once` is expanded once. Includes are expanded whether or not an `#if` around them holds.
public struct ShaderSource: Sendable {
    /// The GLSL text, without any `#include`.
    public let text: String
    /// The files the text came from; the shader itself is the first.
    public let files: [String]

    private static let deepestInclude = 32

    /// - Parameters:
    ///   - path: the shader's file.
    ///   - root: the folder that includes are looked for in when they are not beside the including file.
    /// - Throws: ``ShaderErrors`` when a file cannot be read or is included by itself.
    public init(path: String, root: String) throws {
        var expansion = Expansion(root: root)
        try expansion.expand(path: path, depth: 0, includedAt: nil)
        text = expansion.text
        files = expansion.files
    }

    /// The text with macros defined right after its `#version` line, line numbers unchanged.
    /// - Throws: ``ShaderErrors`` when the shader has no `#version` line.
    public func defining(_ definitions: [String]) throws -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let version = lines.firstIndex(where: { $0.trimmed.hasPrefix("#version") }) else {
            throw ShaderErrors([Diagnostic(file: files[0], line: 1, "a shader starts with `#version 460`; this one has no #version")])
        }
        lines.insert(contentsOf: definitions.map { Substring($0) } + ["#line \(version + 2) 0"], at: version + 1)
        return lines.joined(separator: "\n")
    }

    private struct Expansion {
        let root: String
        var text = ""
        var files: [String] = []
        var expandedOnce: Set<String> = []

        mutating func expand(path: String, depth: Int, includedAt place: (file: String, line: Int)?) throws {
            guard depth <= ShaderSource.deepestInclude else {
                throw ShaderErrors([
                    Diagnostic(
                        file: path, line: 0, "includes are nested deeper than \(ShaderSource.deepestInclude): a file includes itself")
                ])
            }
            guard let contents = try? String(contentsOfFile: path, encoding: .utf8) else {
                let message = "cannot read \(path) as UTF-8 text"
                throw ShaderErrors([Diagnostic(file: place?.file ?? path, line: place?.line ?? 0, message)])
            }
            let number = fileNumber(path)
            for (index, line) in contents.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let trimmed = line.trimmed
                if trimmed == "#pragma once" {
                    expandedOnce.insert(path)
                    text += "\n"
                } else if trimmed.hasPrefix("#include") {
                    let included = try resolve(trimmed, from: path, line: index + 1)
                    if !expandedOnce.contains(included) {
                        text += "#line 1 \(fileNumber(included))\n"
                        try expand(path: included, depth: depth + 1, includedAt: (path, index + 1))
                    }
                    text += "#line \(index + 2) \(number)\n"
                } else {
                    text += line + "\n"
                }
            }
        }

        private mutating func fileNumber(_ path: String) -> Int {
            if let known = files.firstIndex(of: path) { return known }
            files.append(path)
            return files.count - 1
        }

        private func resolve(_ directive: Substring, from file: String, line: Int) throws -> String {
            let parts = directive.split(separator: "\"", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].trimmed == "#include", !parts[1].isEmpty else {
                throw ShaderErrors([Diagnostic(file: file, line: line, "an include reads `#include \"file\"`")])
            }
            let folders = [(file as NSString).deletingLastPathComponent, root]
            for folder in folders {
                let candidate = ((folder as NSString).appendingPathComponent(String(parts[1])) as NSString).standardizingPath
                if FileManager.default.fileExists(atPath: candidate) { return candidate }
            }
            throw ShaderErrors([
                Diagnostic(file: file, line: line, "there is no \(parts[1]) in \(folders.joined(separator: " or "))")
            ])
        }
    }
}
