/// Values as text.
extension Interpreter {
    /// Python's `str`: what a template writes.
    func text(of value: Value) throws(JinjaError) -> String {
        switch value {
        case .undefined: ""
        case .string(let text), .markup(let text): text
        default: try representation(of: value)
        }
    }

    /// Python's `repr`.
    func representation(of value: Value) throws(JinjaError) -> String {
        try charge(1)
        switch value {
        case .undefined: return "Undefined"
        case .none: return "None"
        case .bool(let value): return value ? "True" : "False"
        case .integer(let value): return String(value)
        case .float(let value): return value.pythonRepresentation
        case .string(let text): return try checked(text.pythonRepresentation)
        case .markup(let text): return "Markup(" + text.pythonRepresentation + ")"
        case .list(let items): return try "[" + joined(items.elements) + "]"
        case .tuple(let items): return try "(" + joined(items.elements) + (items.elements.count == 1 ? ",)" : ")")
        case .dictionary(let mapping):
            var parts: [String] = []
            for (key, value) in zip(mapping.keys, mapping.values) {
                parts.append(try representation(of: key) + ": " + representation(of: value))
            }
            return try "{" + checked(parts.joined(separator: ", ")) + "}"
        case .view(let items, let name) where name.hasPrefix("dict_"): return try name + "([" + joined(items.elements) + "])"
        case .view, .iterator, .namespace, .loop, .callable:
            throw unsupported("a \(value.typeName) cannot be written as text")
        }
    }

    private func joined(_ values: [Value]) throws(JinjaError) -> String {
        var parts: [String] = []
        for value in values { parts.append(try representation(of: value)) }
        return try checked(parts.joined(separator: ", "))
    }
}

/// JSON as Python's `json.dumps` writes it.
struct JSONWriter {
    var ensuresASCII = false
    /// What a level is indented by; nil for all in one line.
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var sortsKeys = false

    func write(_ value: Value, with interpreter: Interpreter) throws(JinjaError) -> String {
        var output = ""
        try write(value, level: 0, to: &output, interpreter)
        return try interpreter.checked(output)
    }

    private func write(
        _ value: Value, level: Int, to output: inout String, _ interpreter: Interpreter
    ) throws(JinjaError) {
        try interpreter.charge(1)
        try interpreter.requireBytes(output.utf8.count)
        switch value {
        case .none: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += String(value)
        case .float(let value): output += number(value)
        case .string(let text), .markup(let text): output += try quoted(text, interpreter)
        case .list(let items), .tuple(let items):
            try write(items.elements.count, "[", "]", level, to: &output) { index, output throws(JinjaError) in
                try write(items.elements[index], level: level + 1, to: &output, interpreter)
            }
        case .dictionary(let mapping):
            var order = Array(0..<mapping.count)
            if sortsKeys {
                order = try interpreter.sorted(order) { a, b throws(JinjaError) in
                    try interpreter.isLess(mapping.keys[a], mapping.keys[b])
                }
            }
            try write(mapping.count, "{", "}", level, to: &output) { index, output throws(JinjaError) in
                output += try quoted(key(mapping.keys[order[index]], interpreter), interpreter) + keySeparator
                try write(mapping.values[order[index]], level: level + 1, to: &output, interpreter)
            }
        case .undefined, .view, .iterator, .namespace, .loop, .callable:
            throw interpreter.failure("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private func write(
        _ count: Int, _ open: String, _ close: String, _ level: Int, to output: inout String,
        _ element: (Int, inout String) throws(JinjaError) -> Void
    ) throws(JinjaError) {
        output += open
        for index in 0..<count {
            if index > 0 { output += itemSeparator }
            if let indent { output += "\n" + String(repeating: indent, count: level + 1) }
            try element(index, &output)
        }
        if let indent, count > 0 { output += "\n" + String(repeating: indent, count: level) }
        output += close
    }

    private func number(_ value: Double) -> String {
        value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : value.pythonRepresentation
    }

    private func key(_ key: Value, _ interpreter: Interpreter) throws(JinjaError) -> String {
        switch key {
        case .string(let text), .markup(let text): text
        case .none: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .float(let value): number(value)
        default: throw interpreter.failure("keys must be str, int, float, bool or None, not \(key.typeName)")
        }
    }

    private func quoted(_ text: String, _ interpreter: Interpreter) throws(JinjaError) -> String {
        var result = "\""
        for scalar in try interpreter.scalars(text) {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            default:
                if scalar.value < 0x20 || (ensuresASCII && !scalar.isASCII) {
                    for unit in String(Character(scalar)).utf16 {
                        let digits = String(unit, radix: 16)
                        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                    }
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
