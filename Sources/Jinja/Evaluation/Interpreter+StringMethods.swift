/// Python's methods of texts.
extension Interpreter {
    func callMethod(_ name: String, of text: String, _ arguments: Arguments) throws(JinjaError) -> Value {
        func bind(_ parameters: [String], required: Int = 0) throws(JinjaError) -> [Value?] {
            try self.bind(arguments, to: parameters, required: required, of: "'\(name)'")
        }
        func optionalScalars(_ value: Value?) throws(JinjaError) -> [Unicode.Scalar]? {
            guard let value else { return nil }
            if case .none = value { return nil }
            return try self.scalars(string(value, name))
        }
        let scalars = try scalars(text)
        switch name {
        case "lower": return .string(text.pythonLowercased)
        case "casefold":
            guard scalars.allSatisfy(\.isASCII) else { throw unsupported("the method 'casefold' is only supported for ASCII") }
            return .string(text.lowercased())
        case "upper": return .string(text.uppercased())
        case "capitalize": return .string(text.pythonCapitalized)
        case "title", "swapcase": return .string(changedCase(scalars, isTitle: name == "title"))
        case "strip", "lstrip", "rstrip":
            let set = try optionalScalars(bind(["chars"])[0])
            return .string(String(strip(scalars, set, left: name != "rstrip", right: name != "lstrip")))
        case "startswith", "endswith":
            let values = try bind(["prefix", "start", "end"], required: 1)
            let (low, high) = try bounds(values[1], values[2], scalars.count)
            var candidates = [values[0]!]
            if case .tuple(let items) = values[0]! { candidates = items.elements }
            for candidate in candidates {
                let part = try self.scalars(string(candidate, name))
                guard low <= high, part.count <= high - low else { continue }
                let found = name == "startswith" ? scalars[low..<low + part.count] : scalars[high - part.count..<high]
                if found.elementsEqual(part) { return .bool(true) }
            }
            return .bool(false)
        case "removeprefix", "removesuffix":
            let part = try self.scalars(string(bind(["prefix"], required: 1)[0], name))
            if name == "removeprefix" { return .string(scalars.starts(with: part) ? String(scalars.dropFirst(part.count)) : text) }
            return .string(scalars.reversed().starts(with: part.reversed()) ? String(scalars.dropLast(part.count)) : text)
        case "replace":
            let values = try bind(["old", "new", "count"], required: 2)
            return .string(
                try replace(text, string(values[0], name), string(values[1], name), count: integer(values[2], default: -1, name)))
        case "split", "rsplit":
            let values = try bind(["sep", "maxsplit"])
            let limit = try integer(values[1], default: -1, name)
            return .list(
                try split(scalars, optionalScalars(values[0]), limit: limit, fromEnd: name == "rsplit").map { .string(String($0)) })
        case "splitlines": return .list(text.pythonLines(keepingEnds: try bind(["keepends"])[0]?.isTrue ?? false).map { .string($0) })
        case "partition", "rpartition":
            let separator = try self.scalars(string(bind(["sep"], required: 1)[0], name))
            guard !separator.isEmpty else { throw failure("empty separator") }
            let parts = try split(scalars, separator, limit: 1, fromEnd: name == "rpartition").map { String($0) }
            if parts.count == 2 { return .tuple([.string(parts[0]), .string(String(separator)), .string(parts[1])]) }
            return .tuple(name == "partition" ? [.string(text), .string(""), .string("")] : [.string(""), .string(""), .string(text)])
        case "find", "rfind", "index", "rindex", "count": return try search(name, scalars, bind(["sub", "start", "end"], required: 1))
        case "join":
            var joined = ""
            for (index, element) in try elements(of: bind(["iterable"], required: 1)[0]!).enumerated() {
                if index > 0 { joined += text }
                joined += try string(element, "join")
                try requireBytes(joined.utf8.count)
            }
            return .string(try checked(joined))
        case "center", "ljust", "rjust":
            let values = try bind(["width", "fillchar"], required: 1)
            let fill = try values[1].map { value throws(JinjaError) in try string(value, name) } ?? " "
            guard fill.unicodeScalars.count == 1 else { throw failure("The fill character must be exactly one character long") }
            return .string(
                try padded(
                    text, to: integer(values[0], default: 0, name), fill, name == "center" ? .both : name == "ljust" ? .right : .left))
        case "zfill":
            let width = try integer(bind(["width"], required: 1)[0], default: 0, name)
            let sign = scalars.first.map { $0 == "+" || $0 == "-" } == true ? 1 : 0
            let digits = try padded(String(scalars.dropFirst(sign)), to: width - sign, "0", .left)
            return .string(String(scalars.prefix(sign)) + digits)
        case "expandtabs": return .string(try expandedTabs(scalars, size: integer(bind(["tabsize"])[0], default: 8, name)))
        case "format": return .string(try formatted(scalars, arguments))
        default:
            _ = try bind([])
            return .bool(try isAll(name, scalars))
        }
    }

    private func isAll(_ name: String, _ scalars: [Unicode.Scalar]) throws(JinjaError) -> Bool {
        func isDecimal(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .decimalNumber }
        func isLetter(_ scalar: Unicode.Scalar) -> Bool { ScalarClass.isLetter(scalar) }
        let holds: (Unicode.Scalar) -> Bool
        switch name {
        case "isascii": return scalars.allSatisfy(\.isASCII)
        case "islower":
            return scalars.contains(where: \.isCased)
                && scalars.allSatisfy { !$0.properties.isUppercase && $0.properties.generalCategory != .titlecaseLetter }
        case "isupper":
            return scalars.contains(where: \.isCased)
                && scalars.allSatisfy { !$0.properties.isLowercase && $0.properties.generalCategory != .titlecaseLetter }
        case "isspace": holds = { $0.isPythonSpace }
        case "isalpha": holds = isLetter
        case "isdecimal": holds = isDecimal
        case "isdigit": holds = { isDecimal($0) || $0.properties.numericType == .digit }
        case "isnumeric": holds = { $0.properties.numericType != nil }
        default: holds = { isLetter($0) || $0.properties.numericType != nil }
        }
        return !scalars.isEmpty && scalars.allSatisfy(holds)
    }

    /// Python's `strip`: characters of a set, or whitespace, gone from the ends.
    func strip(_ scalars: [Unicode.Scalar], _ set: [Unicode.Scalar]?, left: Bool, right: Bool) -> ArraySlice<Unicode.Scalar> {
        let members = set.map { Set($0) }
        func isStripped(_ scalar: Unicode.Scalar) -> Bool { members?.contains(scalar) ?? scalar.isPythonSpace }
        var rest = scalars[...]
        if left { rest = rest.drop(while: isStripped) }
        if right { while let last = rest.last, isStripped(last) { rest.removeLast() } }
        return rest
    }

    func replace(_ text: String, _ old: String, _ new: String, count: Int) throws(JinjaError) -> String {
        let (source, part, replacement) = (try scalars(text), try scalars(old), try scalars(new))
        var limit = count < 0 ? Int.max : count
        var result: [Unicode.Scalar] = []
        var position = 0
        if part.isEmpty {
            for scalar in source {
                if limit > 0 {
                    result += replacement
                    limit -= 1
                }
                result.append(scalar)
                try requireBytes(result.count)
            }
            if limit > 0 { result += replacement }
            return try checked(String(result))
        }
        while limit > 0, let found = try find(part, in: source, from: position) {
            try charge(1)
            result += source[position..<found]
            result += replacement
            try requireBytes(result.count)
            position = found + part.count
            limit -= 1
        }
        return try checked(String(result + source[position...]))
    }

    private func split(
        _ text: [Unicode.Scalar], _ separator: [Unicode.Scalar]?, limit: Int, fromEnd: Bool
    ) throws(JinjaError) -> [ArraySlice<Unicode.Scalar>] {
        if fromEnd {
            let parts = try split(text.reversed(), separator.map { $0.reversed() }, limit: limit, fromEnd: false)
            return parts.reversed().map { Array($0.reversed())[...] }
        }
        let limit = limit < 0 ? Int.max : limit
        var parts: [ArraySlice<Unicode.Scalar>] = []
        guard let separator else {
            var rest = text[...].drop(while: \.isPythonSpace)
            while !rest.isEmpty {
                try charge(1)
                if parts.count == limit {
                    parts.append(rest)
                    break
                }
                let word = rest.prefix { !$0.isPythonSpace }
                parts.append(word)
                rest = rest[word.endIndex...].drop(while: \.isPythonSpace)
            }
            return parts
        }
        guard !separator.isEmpty else { throw failure("empty separator") }
        var position = 0
        while parts.count < limit, let found = try find(separator, in: text, from: position) {
            try charge(1)
            parts.append(text[position..<found])
            position = found + separator.count
        }
        return parts + [text[position...]]
    }

    private func bounds(_ start: Value?, _ end: Value?, _ count: Int) throws(JinjaError) -> (Int, Int) {
        func bound(_ value: Value?, _ other: Int) throws(JinjaError) -> Int {
            guard let value else { return other }
            if case .none = value { return other }
            let index = try integer(value, default: other, "bounds")
            return index < 0 ? max(0, index &+ count) : index
        }
        return (try bound(start, 0), min(try bound(end, count), count))
    }

    private func search(_ name: String, _ text: [Unicode.Scalar], _ values: [Value?]) throws(JinjaError) -> Value {
        let part = try scalars(string(values[0], name))
        let (low, high) = try bounds(values[1], values[2], text.count)
        var places: [Int] = []
        if low <= high {
            let stretch = Array(text[low..<high])
            var position = 0
            let step = name == "count" ? max(part.count, 1) : 1
            while position <= stretch.count, let found = try find(part, in: stretch, from: position) {
                try charge(1)
                places.append(low + found)
                if name == "find" || name == "index" { break }
                position = found + step
            }
        }
        switch name {
        case "count": return .integer(places.count)
        case "find", "index":
            if let first = places.first { return .integer(first) }
        default:
            if let last = places.last { return .integer(last) }
        }
        guard name.hasSuffix("find") else { throw failure("substring not found") }
        return .integer(-1)
    }

    enum Side {
        case left, right, both
    }

    /// - Parameter side: where the padding goes.
    func padded(_ text: String, to width: Int, _ fill: String, _ side: Side) throws(JinjaError) -> String {
        let count = text.unicodeScalars.count
        guard width > count else { return text }
        try requireBytes(width)
        let padding = width - count
        // Python puts the odd space to the left when the width is odd.
        let left = side == .left ? padding : side == .right ? 0 : padding / 2 + (padding & width & 1)
        return try checked(String(repeating: fill, count: left) + text + String(repeating: fill, count: padding - left))
    }

    private func changedCase(_ scalars: [Unicode.Scalar], isTitle: Bool) -> String {
        var result = ""
        var followsCased = false
        for scalar in scalars {
            let properties = scalar.properties
            if isTitle {
                result += followsCased ? properties.lowercaseMapping : properties.titlecaseMapping
            } else {
                result +=
                    properties.isUppercase
                    ? properties.lowercaseMapping : properties.isLowercase ? properties.uppercaseMapping : String(Character(scalar))
            }
            followsCased = scalar.isCased
        }
        return result
    }

    private func expandedTabs(_ scalars: [Unicode.Scalar], size: Int) throws(JinjaError) -> String {
        guard size <= 1024 else { throw limit("a tab is wider than 1024") }
        var result: [Unicode.Scalar] = []
        var column = 0
        for scalar in scalars {
            if scalar == "\t" {
                if size > 0 {
                    let width = size - column % size
                    result += Array(repeating: " ", count: width)
                    column += width
                }
            } else {
                result.append(scalar)
                column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
            }
            try requireBytes(result.count)
        }
        return try checked(String(result))
    }

    /// Python's `format` with `{}`, `{0}` and `{name}`.
    private func formatted(_ format: [Unicode.Scalar], _ arguments: Arguments) throws(JinjaError) -> String {
        var result = ""
        var rest = format[...]
        var automatic = 0
        while let scalar = rest.popFirst() {
            guard scalar == "{" || scalar == "}" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            if rest.first == scalar {
                rest.removeFirst()
                result.unicodeScalars.append(scalar)
                continue
            }
            guard scalar == "{", let end = rest.firstIndex(of: "}") else { throw failure("a brace in a format stands alone") }
            let field = String(rest[..<end])
            rest = rest[(end + 1)...]
            guard !field.contains(where: { ":!.[".contains($0) }) else {
                throw unsupported("the field '{\(field)}' of a format is not supported")
            }
            let value: Value?
            if let index = field.isEmpty ? automatic : Int(field) {
                value = arguments.positional.indices.contains(index) ? arguments.positional[index] : nil
                if field.isEmpty { automatic += 1 }
            } else {
                value = arguments.named.first { $0.name.isSame(as: field) }?.value
            }
            guard let value else { throw failure("the format has no value for '{\(field)}'") }
            result += try text(of: value)
            try requireBytes(result.utf8.count)
        }
        return try checked(result)
    }
}

/// Kinds of characters.
enum ScalarClass {
    static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }
}
