import Foundation

/// Jinja's filters (jinja2 3.1, `filters.py`), and the `tojson` of `transformers`.
extension Interpreter {
    func filter(_ value: Value, _ name: String, _ arguments: Arguments) throws(JinjaError) -> Value {
        try charge(1)
        guard FilterName.supported.contains(name) else {
            guard FilterName.isKnown(name) else { throw failure("there is no filter '\(name)'") }
            throw unsupported("the filter '\(name)' is not supported")
        }
        if let result = try textFilter(value, name, arguments) { return result }
        if let result = try sequenceFilter(value, name, arguments) { return result }
        func bind(_ parameters: [String], required: Int = 0) throws(JinjaError) -> [Value?] {
            try self.bind(arguments, to: parameters, required: required, of: "the filter '\(name)'")
        }
        switch name {
        case "default", "d":
            let values = try bind(["default_value", "boolean"])
            if case .undefined = value { return values[0] ?? .string("") }
            return values[1]?.isTrue == true && !value.isTrue ? values[0] ?? .string("") : value
        case "tojson": return try json(value, arguments)
        case "int":
            let values = try bind(["default", "base"])
            return try integer(value, default: values[0] ?? .integer(0), base: integer(values[1], default: 10, "int"))
        case "float":
            let values = try bind(["default"])
            if case .undefined(let undefined) = value { throw failure(undefined.message) }
            if let number = value.doubleValue { return .float(number) }
            if let text = value.text, let number = try parsedFloat(text) { return .float(number) }
            return values[0] ?? .float(0)
        case "abs":
            _ = try bind([])
            if case .float(let number) = value { return .float(abs(number)) }
            guard let number = value.integerValue else { throw typeFailure("abs", value) }
            return number < 0 ? try negated(value) : .integer(number)
        case "round": return try rounded(value, bind(["precision", "method"]))
        case "attr":
            let name = try string(bind(["name"], required: 1)[0], "attr")
            if case .undefined(let undefined) = value { throw failure(undefined.message) }
            guard case .dictionary(let mapping) = value, mapping[.text(name)] != nil else { return try attribute(name, of: value) }
            // Unlike a dot, this filter looks for no item.
            let found = try attribute(name, of: .dictionary(Value.Mapping()))
            if case .undefined = found { return missing(name, of: value) }
            return try attribute(name, of: value)
        default: throw unsupported("the filter '\(name)' is not supported")
        }
    }

    private func json(_ value: Value, _ arguments: Arguments) throws(JinjaError) -> Value {
        let values = try bind(arguments, to: ["ensure_ascii", "indent", "separators", "sort_keys"], of: "the filter 'tojson'")
        var writer = JSONWriter()
        writer.ensuresASCII = values[0]?.isTrue ?? false
        writer.sortsKeys = values[3]?.isTrue ?? false
        switch values[1] {
        case nil, .some(.none): break
        case .some(let indent):
            if let text = indent.text {
                writer.indent = text
            } else if let width = indent.integerValue {
                guard width <= 64 else { throw limit("an indentation is wider than 64") }
                writer.indent = String(repeating: " ", count: max(width, 0))
            } else {
                throw typeFailure("tojson", indent)
            }
            writer.itemSeparator = ","
        }
        switch values[2] {
        case nil, .some(.none): break
        case .some(let separators):
            let parts = try elements(of: separators)
            guard parts.count == 2 else { throw failure("tojson needs two separators") }
            writer.itemSeparator = try string(parts[0], "tojson")
            writer.keySeparator = try string(parts[1], "tojson")
        }
        return .string(try writer.write(value, with: self))
    }

    /// Digits with underscores between them, in Python's way; nil when they are not that.
    private func plain(_ text: String) throws(JinjaError) -> String? {
        let trimmed = try strip(scalars(text), nil, left: true, right: true)
        let parts = trimmed.split(separator: "_", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index > 0, part.first?.isASCIIDigit != true { return nil }
            if index + 1 < parts.count, part.last?.isASCIIDigit != true { return nil }
        }
        return String(trimmed.filter { $0 != "_" })
    }

    func parsedFloat(_ text: String) throws(JinjaError) -> Double? {
        guard let text = try plain(text)?.lowercased(), !text.isEmpty, !text.contains("x"), !text.contains("(") else { return nil }
        return Double(text)
    }

    private func integer(_ value: Value, default other: Value, base: Int) throws(JinjaError) -> Value {
        switch value {
        case .undefined(let undefined): throw failure(undefined.message)
        case .bool, .integer: return .integer(value.integerValue!)
        case .float(let number):
            guard number.isFinite else {
                if number.isNaN { return other }
                throw failure("cannot convert float infinity to integer")
            }
            guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw limit("a number does not fit 64 bits") }
            return .integer(integer)
        case .string(let text), .markup(let text):
            guard base == 10 else { throw unsupported("the filter 'int' with another base than 10 is not supported") }
            if let digits = try plain(text) {
                if let number = Int(digits) { return .integer(number) }
                let unsigned = digits.drop { $0 == "-" || $0 == "+" }
                if !unsigned.isEmpty, unsigned.count + 1 >= digits.count, unsigned.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
                    throw limit("a number does not fit 64 bits")
                }
            }
            guard let number = try parsedFloat(text) else { return other }
            return try integer(.float(number), default: other, base: 10)
        default: return other
        }
    }

    private func rounded(_ value: Value, _ values: [Value?]) throws(JinjaError) -> Value {
        let precision = try integer(values[0], default: 0, "round")
        let method = try values[1].map { value throws(JinjaError) in try string(value, "round") } ?? "common"
        guard let number = value.doubleValue else { throw typeFailure("round", value) }
        guard (0...20).contains(precision) else {
            throw unsupported("the filter 'round' with a precision of \(precision) is not supported")
        }
        switch method {
        case "common":
            // Python rounds an integer to an integer.
            if let integer = value.integerValue { return .integer(integer) }
            guard number.isFinite else { return value }
            return .float(Double(String(format: "%.\(precision)f", number)) ?? number)
        case "ceil", "floor":
            let scale = pow(10, Double(precision))
            return .float((number * scale).rounded(method == "ceil" ? .up : .down) / scale)
        default: throw failure("method must be common, ceil or floor")
        }
    }
}
