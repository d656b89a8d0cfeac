/// What is wrong with a shader, and where. Printed as `file:line: error: message`, which build tools and editors understand.
public struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Severity: String, Sendable {
        case warning
        case error
    }

    public let severity: Severity
    public let file: String
    /// Counted from 1; 0 when the message is about the whole file.
    public let line: Int
    public let message: String

    public init(_ severity: Severity = .error, file: String, line: Int, _ message: String) {
        self.severity = severity
        self.file = file
        self.line = line
        self.message = message
    }

    public var description: String {
        line > 0 ? "\(file):\(line): \(severity): \(message)" : "\(file): \(severity): \(message)"
    }
}

/// All that is wrong with a shader or a folder of shaders. Never empty.
public struct ShaderErrors: Error, CustomStringConvertible {
    public let diagnostics: [Diagnostic]

    public init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }

    public var description: String {
        diagnostics.map(\.description).joined(separator: "\n")
    }
}
