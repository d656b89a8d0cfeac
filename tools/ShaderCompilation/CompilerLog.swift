/// Reads glslang's log. Its lines look like `ERROR: 2:17: 'x' : undeclared identifier`, with the number of a file.
enum CompilerLog {
    /// Warnings and errors that name a place, or the whole shader when the compiler gives none.
    static func diagnostics(in log: String, files: [String]) -> [Diagnostic] {
        log.split(whereSeparator: \.isNewline).compactMap { line in
            let severity: Diagnostic.Severity
            var rest: Substring
            if line.hasPrefix("ERROR: ") {
                (severity, rest) = (.error, line.dropFirst("ERROR: ".count))
            } else if line.hasPrefix("WARNING: ") {
                (severity, rest) = (.warning, line.dropFirst("WARNING: ".count))
            } else if line.lowercased().hasPrefix("error") {
                (severity, rest) = (.error, line)
            } else {
                return nil
            }
            if rest.hasSuffix("compilation errors.  No code generated.") || rest.hasSuffix("compilation terminated ") { return nil }
            let parts = rest.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, let file = Int(parts[0]), files.indices.contains(file), let number = Int(parts[1]) else {
                return Diagnostic(severity, file: files[0], line: 0, String(rest.trimmed))
            }
            return Diagnostic(severity, file: files[file], line: number, String(parts[2].trimmed))
        }
    }

    /// The errors of a compilation that failed: never empty, so that a failure without a readable reason still shows the log.
    static func errors(in log: String, files: [String]) -> [Diagnostic] {
        let errors = diagnostics(in: log, files: files).filter { $0.severity == .error }
        return errors.isEmpty ? [Diagnostic(file: files[0], line: 0, "compilation failed: \(log)")] : errors
    }
}
