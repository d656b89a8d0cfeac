/// Filters that take a text.
extension Interpreter {
    /// Nil when the filter is of another kind.
    func textFilter(_ value: Value, _ name: String, _ arguments: Arguments) throws(JinjaError) -> Value? {
        func bind(_ parameters: [String], required: Int = 0) throws(JinjaError) -> [Value?] {
            try self.bind(arguments, to: parameters, required: required, of: "the filter '\(name)'")
        }
        func plainText() throws(JinjaError) -> String {
            if case .markup = value { throw unsupported("the filter '\(name)' with escaped text is not supported") }
            return try text(of: value)
        }
        switch name {
        case "string":
            _ = try bind([])
            if case .markup = value { return value }
            return .string(try text(of: value))
        case "lower", "upper", "capitalize", "title":
            _ = try bind([])
            let text = try checked(plainText())
            switch name {
            case "lower": return .string(text.pythonLowercased)
            case "upper": return .string(text.uppercased())
            case "capitalize": return .string(text.pythonCapitalized)
            default: return .string(try title(text))
            }
        case "trim":
            let characters = try bind(["chars"])[0]
            let text = try text(of: value)
            var set: [Unicode.Scalar]?
            if let characters, case .none = characters {} else if let characters { set = try scalars(string(characters, "trim")) }
            let trimmed = String(try strip(scalars(text), set, left: true, right: true))
            if case .markup = value { return .markup(trimmed) }
            return .string(trimmed)
        case "safe":
            _ = try bind([])
            return .markup(try text(of: value))
        case "escape", "e":
            _ = try bind([])
            if case .markup = value { return value }
            var escaped = ""
            for scalar in try scalars(text(of: value)) {
                switch scalar {
                case "&": escaped += "&amp;"
                case "<": escaped += "&lt;"
                case ">": escaped += "&gt;"
                case "\"": escaped += "&#34;"
                case "'": escaped += "&#39;"
                default: escaped.unicodeScalars.append(scalar)
                }
            }
            return .markup(try checked(escaped))
        case "replace":
            let values = try bind(["old", "new", "count"], required: 2)
            let count: Int? = if let value = values[2], case .none = value { nil } else { try integer(values[2], default: -1, "replace") }
            return .string(try replace(plainText(), text(of: values[0]!), text(of: values[1]!), count: count ?? -1))
        case "indent": return .string(try indent(value, bind(["width", "first", "blank"])))
        case "center": return .string(try padded(plainText(), to: integer(bind(["width"])[0], default: 80, "center"), " ", .both))
        case "wordcount":
            _ = try bind([])
            let words = try scalars(plainText()).split(omittingEmptySubsequences: true) { !$0.isWordScalar }
            return .integer(words.count)
        case "format":
            guard arguments.named.isEmpty else { throw unsupported("the filter 'format' with names is not supported") }
            return .string(try formatted(plainText(), .tuple(arguments.positional)))
        default: return nil
        }
    }

    /// Words begin after hyphens, spaces and opening brackets; the first character of each becomes a capital.
    private func title(_ text: String) throws(JinjaError) -> String {
        var result = ""
        var word: [Unicode.Scalar] = []
        var isSeparator = false
        func flush() {
            guard let first = word.first else { return }
            result += String(Character(first)).uppercased() + String(word.dropFirst()).pythonLowercased
            word = []
        }
        for scalar in try scalars(text) {
            let separates = scalar == "-" || scalar.isPythonSpace || "({[<".unicodeScalars.contains(scalar)
            if separates != isSeparator { flush() }
            isSeparator = separates
            word.append(scalar)
        }
        flush()
        return result
    }

    private func indent(_ value: Value, _ values: [Value?]) throws(JinjaError) -> String {
        guard let text = value.text else { throw typeFailure("indent", value) }
        if case .markup = value { throw unsupported("the filter 'indent' with escaped text is not supported") }
        let indentation: String
        if let text = values[0]?.text {
            indentation = text
        } else {
            let width = try integer(values[0], default: 4, "indent")
            guard width <= 1024 else { throw limit("an indentation is wider than 1024") }
            indentation = String(repeating: " ", count: max(width, 0))
        }
        var lines = (try checked(text) + "\n").pythonLines()
        let indentsBlank = values[2]?.isTrue ?? false
        try requireBytes(text.utf8.count + lines.count * indentation.utf8.count)
        for index in lines.indices.dropFirst() where indentsBlank || !lines[index].isEmpty { lines[index] = indentation + lines[index] }
        let joined = lines.joined(separator: "\n")
        return try checked(values[1]?.isTrue == true ? indentation + joined : joined)
    }
}
