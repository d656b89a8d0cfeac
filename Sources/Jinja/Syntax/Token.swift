/// A piece of a template's source.
struct Token: Equatable {
    enum Kind: Equatable {
        /// Text between tags.
        case data
        case variableBegin, variableEnd, blockBegin, blockEnd
        case name, string, integer, float, `operator`
        case end
    }

    let kind: Kind
    /// The text that it stands for: a string's content without escapes, a number's digits without underscores.
    let text: String
    let line: Int

    /// What to call it in a message.
    var description: String {
        switch kind {
        case .data: "text"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .string: "a string"
        case .end: "the end of the template"
        case .name, .integer, .float, .operator: "'\(text)'"
        }
    }
}
