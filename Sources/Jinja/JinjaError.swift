/// Why a template cannot be read or run; every case names the line of the template.
package enum JinjaError: Error, Equatable, CustomStringConvertible {
    /// The text is not Jinja.
    case syntax(line: Int, detail: String)
    /// It is Jinja, but uses what this interpreter does not have.
    case unsupported(line: Int, detail: String)
    /// Running it failed as it does in Jinja: an undefined value is used, types do not fit.
    case failed(line: Int, detail: String)
    /// The template itself refused its input by `raise_exception`.
    case raised(line: Int, message: String)
    /// It takes more steps, depth or memory than ``RenderLimits`` allow.
    case limit(line: Int, detail: String)

    package var description: String {
        switch self {
        case .syntax(let line, let detail), .unsupported(let line, let detail), .failed(let line, let detail),
            .limit(let line, let detail):
            "line \(line): \(detail)"
        case .raised(_, let message): message
        }
    }
}

/// What rendering may take; each bound is an error of its own when it is reached.
package struct RenderLimits: Sendable {
    /// Evaluated nodes, and parts of long texts that are gone through.
    package var steps = 4_000_000
    /// Bytes of the output, and of any text on the way there.
    package var bytes = 16 << 20
    /// Expressions, statements and macros within each other.
    package var depth = 400

    package init() {}
}
