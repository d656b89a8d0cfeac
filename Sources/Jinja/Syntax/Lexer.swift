/// Cuts a template into tokens, with the settings that chat templates are run with: `trim_blocks` drops a line break after a block or
/// comment, `lstrip_blocks` drops the spaces before one, the line break at the end of the source is dropped.
///
/// Source: jinja2 3.1 (`lexer.py`), whose regular expressions are matched by hand.
struct Lexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    /// Whether what was matched last ended in a line break, or nothing was yet.
    private var startsLine = true
    private var tokens: [Token] = []

    private init(_ text: String) {
        // All line breaks are "\n".
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
            if scalars.last == "\r" { scalars[scalars.count - 1] = "\n" }
            scalars.append(scalar)
        }
        if scalars.last == "\r" { scalars[scalars.count - 1] = "\n" }
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    static func tokens(_ text: String) throws(JinjaError) -> [Token] {
        var lexer = Lexer(text)
        while lexer.position < lexer.source.count { try lexer.takeRoot() }
        lexer.add(.end, "")
        return lexer.tokens
    }

    private func error(_ detail: String) -> JinjaError { .syntax(line: line, detail: detail) }

    private mutating func add(_ kind: Token.Kind, _ text: String) { tokens.append(Token(kind: kind, text: text, line: line)) }

    private func has(_ text: StaticString, at index: Int) -> Bool {
        text.withUTF8Buffer { bytes in
            index + bytes.count <= source.count
                && bytes.indices.allSatisfy { source[index + $0].value == UInt32(bytes[$0]) }
        }
    }

    private func afterSpaces(_ start: Int) -> Int {
        var index = start
        while index < source.count, source[index].isPythonSpace { index += 1 }
        return index
    }

    /// Goes on to `end`, counting lines.
    private mutating func advance(to end: Int) {
        if end > position { startsLine = source[end - 1] == "\n" }
        for index in position..<end where source[index] == "\n" { line += 1 }
        position = end
    }

    /// The text up to the next tag, and the tag.
    private mutating func takeRoot() throws(JinjaError) {
        var start = position
        while start + 1 < source.count, !(source[start] == "{" && (["{", "%", "#"] as [Unicode.Scalar]).contains(source[start + 1])) {
            start += 1
        }
        guard start + 1 < source.count else { return takeData(to: source.count) }
        let sign = start + 2 < source.count && (source[start + 2] == "-" || source[start + 2] == "+") ? source[start + 2] : nil
        takeData(to: start, strip: sign, isBlock: source[start + 1] != "{")
        let content = start + (sign == nil ? 2 : 3)
        switch source[start + 1] {
        case "#":
            advance(to: content)
            try takeComment()
        case "%":
            if let end = rawBegin(content) {
                advance(to: end)
                try takeRaw()
            } else {
                add(.blockBegin, "")
                advance(to: content)
                try takeTag(isBlock: true)
            }
        default:
            add(.variableBegin, "")
            advance(to: content)
            try takeTag(isBlock: false)
        }
    }

    /// Adds text without what the tag after it takes away.
    private mutating func takeData(to end: Int, strip sign: Unicode.Scalar? = nil, isBlock: Bool = false) {
        var kept = source[position..<end]
        if sign == "-" {
            while let last = kept.last, last.isPythonSpace { kept.removeLast() }
        } else if sign != "+", isBlock {
            let lineStart = kept.lastIndex(of: "\n").map { $0 + 1 }
            if lineStart != nil || startsLine {
                let from = lineStart ?? kept.startIndex
                if from < kept.endIndex, kept[from...].allSatisfy(\.isPythonSpace) { kept = kept[..<from] }
            }
        }
        if !kept.isEmpty { add(.data, String(kept)) }
        advance(to: end)
        startsLine = false
    }

    private mutating func takeComment() throws(JinjaError) {
        var index = position
        while index < source.count {
            if let end = tagEnd("#}", at: index) { return advance(to: end) }
            index += 1
        }
        throw error("a comment has no end")
    }

    /// The end of a block or comment tag that ends at `index`: `+%}`, `-%}` with the space after it, or `%}` with a line break.
    private func tagEnd(_ mark: StaticString, at index: Int) -> Int? {
        if has(mark, at: index) {
            let end = index + 2
            return end < source.count && source[end] == "\n" ? end + 1 : end
        }
        guard index < source.count, source[index] == "+" || source[index] == "-", has(mark, at: index + 1) else { return nil }
        return source[index] == "-" ? afterSpaces(index + 3) : index + 3
    }

    /// The end of `{% raw %}` whose content begins at `start`.
    private func rawBegin(_ start: Int) -> Int? {
        let word = afterSpaces(start)
        guard has("raw", at: word) else { return nil }
        let end = afterSpaces(word + 3)
        if has("-%}", at: end) { return afterSpaces(end + 3) }
        return has("%}", at: end) ? end + 2 : nil
    }

    private mutating func takeRaw() throws(JinjaError) {
        for start in position..<source.count where has("{%", at: start) {
            let sign = start + 2 < source.count && (source[start + 2] == "-" || source[start + 2] == "+") ? source[start + 2] : nil
            let word = afterSpaces(start + (sign == nil ? 2 : 3))
            guard has("endraw", at: word), let end = tagEnd("%}", at: afterSpaces(word + 6)) else { continue }
            takeData(to: start, strip: sign, isBlock: true)
            return advance(to: end)
        }
        throw error("a raw block has no end")
    }

    /// The tokens of a tag up to its end.
    private mutating func takeTag(isBlock: Bool) throws(JinjaError) {
        var brackets: [Unicode.Scalar] = []
        while position < source.count {
            if brackets.isEmpty {
                if isBlock, let end = tagEnd("%}", at: position) {
                    add(.blockEnd, "")
                    return advance(to: end)
                }
                if !isBlock, has("}}", at: position) || has("-}}", at: position) {
                    let end = source[position] == "-" ? afterSpaces(position + 3) : position + 2
                    add(.variableEnd, "")
                    return advance(to: end)
                }
            }
            let scalar = source[position]
            if scalar.isPythonSpace {
                advance(to: afterSpaces(position))
            } else if scalar.isASCIIDigit {
                try takeNumber()
            } else if scalar.isWordScalar {
                try takeName()
            } else if scalar == "'" || scalar == "\"" {
                try takeString(quote: scalar)
            } else {
                try takeOperator(&brackets)
            }
        }
        // The parser says what is missing.
    }

    private mutating func takeName() throws(JinjaError) {
        var end = position
        while end < source.count, source[end].isWordScalar { end += 1 }
        let name = source[position..<end]
        guard name.first!.properties.isXIDStart || name.first! == "_", name.allSatisfy({ $0.properties.isXIDContinue }) else {
            throw error("'\(String(name))' has a character that no name may have")
        }
        add(.name, String(name))
        advance(to: end)
    }

    private mutating func takeOperator(_ brackets: inout [Unicode.Scalar]) throws(JinjaError) {
        for text in ["**", "//", "==", "!=", ">=", "<="] as [StaticString] where has(text, at: position) {
            add(.operator, text.description)
            return advance(to: position + 2)
        }
        let scalar = source[position]
        switch scalar {
        case "{": brackets.append("}")
        case "(": brackets.append(")")
        case "[": brackets.append("]")
        case "}", ")", "]":
            guard let expected = brackets.popLast() else { throw error("unexpected '\(scalar)'") }
            guard expected == scalar else { throw error("unexpected '\(scalar)', expected '\(expected)'") }
        case "+", "-", "/", "*", "%", "~", ">", "<", "=", ".", ":", "|", ",", ";": break
        default: throw error("unexpected character '\(scalar)'")
        }
        add(.operator, String(Character(scalar)))
        advance(to: position + 1)
    }
}

extension Lexer {
    /// `(\d+_)*\d+` from `start`; nil when there is no digit.
    private func digits(_ start: Int) -> Int? {
        var index = start
        guard index < source.count, source[index].isASCIIDigit else { return nil }
        while true {
            while index < source.count, source[index].isASCIIDigit { index += 1 }
            guard index + 1 < source.count, source[index] == "_", source[index + 1].isASCIIDigit else { return index }
            index += 1
        }
    }

    private mutating func takeNumber() throws(JinjaError) {
        let start = position
        if position == 0 || source[position - 1] != ".", let whole = digits(start) {
            var end = whole
            var isFloat = false
            if end < source.count, source[end] == ".", let fraction = digits(end + 1) {
                end = fraction
                isFloat = true
            }
            if end < source.count, source[end] == "e" || source[end] == "E" {
                let hasSign = end + 1 < source.count && (source[end + 1] == "+" || source[end + 1] == "-")
                if let exponent = digits(end + (hasSign ? 2 : 1)) {
                    end = exponent
                    isFloat = true
                }
            }
            if isFloat { return addNumber(.float, start..<end) }
        }
        // Zeros lead no other digits, as in Python.
        var end = start + 1
        func isNext(_ isDigit: (Unicode.Scalar) -> Bool) -> Int? {
            let index = end < source.count && source[end] == "_" ? end + 1 : end
            return index < source.count && isDigit(source[index]) ? index + 1 : nil
        }
        if source[start] == "0" {
            let bases: [(Unicode.Scalar, (Unicode.Scalar) -> Bool)] = [
                ("b", { "01".unicodeScalars.contains($0) }), ("o", { "01234567".unicodeScalars.contains($0) }),
                ("x", { $0.properties.isASCIIHexDigit }),
            ]
            if end < source.count, let base = bases.first(where: { $0.0.value == source[end].value | 0x20 }) {
                end += 1
                if isNext(base.1) != nil {
                    while let next = isNext(base.1) { end = next }
                    return addNumber(.integer, start..<end)
                }
                end -= 1
            }
            while let next = isNext({ $0 == "0" }) { end = next }
        } else {
            while let next = isNext(\.isASCIIDigit) { end = next }
        }
        addNumber(.integer, start..<end)
    }

    private mutating func addNumber(_ kind: Token.Kind, _ range: Range<Int>) {
        add(kind, String(source[range].filter { $0 != "_" }))
        advance(to: range.upperBound)
    }

    private mutating func takeString(quote: Unicode.Scalar) throws(JinjaError) {
        var end = position + 1
        while end < source.count, source[end] != quote { end += source[end] == "\\" ? 2 : 1 }
        guard end < source.count else { throw error("a string has no end") }
        add(.string, try unescaped(source[position + 1..<end]))
        advance(to: end + 1)
    }

    /// Python's escapes.
    private func unescaped(_ text: ArraySlice<Unicode.Scalar>) throws(JinjaError) -> String {
        guard text.contains("\\") else { return String(text) }
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t", "v": "\u{B}",
        ]
        var result: [Unicode.Scalar] = []
        var rest = text
        func code(_ count: Int, _ radix: Int) throws(JinjaError) -> Unicode.Scalar {
            guard rest.count >= count, let value = UInt32(String(rest.prefix(count)), radix: radix), rest.first != "+", rest.first != "-"
            else { throw error("an escape in a string lacks digits") }
            rest = rest.dropFirst(count)
            guard let scalar = Unicode.Scalar(value) else {
                throw .unsupported(line: line, detail: "an escape in a string stands for no character")
            }
            return scalar
        }
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let escape = rest.popFirst() else {
                result.append(scalar)
                continue
            }
            if let known = simple[escape] {
                result.append(known)
                continue
            }
            switch escape {
            case "\n": break
            case "x": result.append(try code(2, 16))
            case "u": result.append(try code(4, 16))
            case "U": result.append(try code(8, 16))
            case "N": throw .unsupported(line: line, detail: "characters by name (\\N) in strings are not supported")
            case "0"..."7":
                var value = escape.value - 0x30
                for _ in 0..<2 {
                    guard let digit = rest.first, ("0"..."7").contains(digit) else { break }
                    value = value * 8 + digit.value - 0x30
                    rest = rest.dropFirst()
                }
                result.append(Unicode.Scalar(value)!)
            default:
                result.append("\\")
                // Jinja spells characters outside of ASCII as escapes before it resolves these.
                result.append(contentsOf: escape.isASCII ? String(Character(escape)).unicodeScalars : escape.escapeDigits.unicodeScalars)
            }
        }
        return String(result)
    }
}
