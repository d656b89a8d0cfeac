extension Unicode.Scalar {
    /// Python's `str.isspace` for one character: Unicode's White_Space, and four separators below U+0020.
    var isPythonSpace: Bool {
        value < 0x80 ? value == 0x20 || (9...13).contains(value) || (0x1C...0x1F).contains(value) : properties.isWhitespace
    }
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
    /// `\w`
    var isWordScalar: Bool {
        if isASCII { return ("a"..."z").contains(self) || ("A"..."Z").contains(self) || isASCIIDigit || self == "_" }
        return properties.isAlphabetic || properties.numericType != nil || properties.isXIDContinue
    }
    /// What follows the backslash when Python spells it as an escape: `xe9`, `u20ac`, `U0001f600`.
    var escapeDigits: String {
        let digits = String(value, radix: 16)
        let (letter, width) = value <= 0xFF ? ("x", 2) : value <= 0xFFFF ? ("u", 4) : ("U", 8)
        return letter + String(repeating: "0", count: width - digits.count) + digits
    }
    /// Python's `str.isprintable` for one character.
    var isPythonPrintable: Bool {
        if self == " " { return true }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator: return false
        default: return true
        }
    }
    var isCased: Bool { properties.isLowercase || properties.isUppercase || properties.generalCategory == .titlecaseLetter }
}

extension String {
    init(_ scalars: some Sequence<Unicode.Scalar>) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(view)
    }

    /// Whether both are the same scalars: Swift's own equality is canonical equivalence.
    func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Python's order of texts, by code points.
    func isBefore(_ other: String) -> Bool { unicodeScalars.lexicographicallyPrecedes(other.unicodeScalars) }

    /// Python's `repr`.
    var pythonRepresentation: String {
        let quote: Unicode.Scalar = utf8.contains(UInt8(ascii: "'")) && !utf8.contains(UInt8(ascii: "\"")) ? "\"" : "'"
        var result = String(Character(quote))
        for scalar in unicodeScalars {
            switch scalar {
            case quote, "\\": result += "\\" + String(Character(scalar))
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if scalar.isPythonPrintable { result.unicodeScalars.append(scalar) } else { result += "\\" + scalar.escapeDigits }
            }
        }
        return result + String(Character(quote))
    }

    /// Python's `str.capitalize`: the first character in title case, the rest in lower case.
    var pythonCapitalized: String {
        guard let first = unicodeScalars.first else { return self }
        return first.properties.titlecaseMapping + String(unicodeScalars.dropFirst()).pythonLowercased
    }

    /// Python's `str.lower`: Unicode's full mapping, with the final form of a sigma that ends a word.
    var pythonLowercased: String {
        guard unicodeScalars.contains("\u{3A3}") else { return lowercased() }
        let scalars = Array(unicodeScalars)
        var result = ""
        for (index, scalar) in scalars.enumerated() {
            guard scalar == "\u{3A3}" else {
                result += scalar.properties.lowercaseMapping
                continue
            }
            let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
            let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
            result += before?.isCased == true && after?.isCased != true ? "\u{3C2}" : "\u{3C3}"
        }
        return result
    }

    /// Python's `str.splitlines`.
    func pythonLines(keepingEnds: Bool = false) -> [String] {
        var lines: [String] = []
        var current: [Unicode.Scalar] = []
        var rest = Substring(self).unicodeScalars
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\n", "\r", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}", "\u{85}", "\u{2028}", "\u{2029}":
                if keepingEnds { current.append(scalar) }
                if scalar == "\r", rest.first == "\n" {
                    rest.removeFirst()
                    if keepingEnds { current.append("\n") }
                }
                lines.append(String(current))
                current = []
            default: current.append(scalar)
            }
        }
        if !current.isEmpty { lines.append(String(current)) }
        return lines
    }
}

extension Double {
    /// Python's `repr`: the fewest digits that tell it from its neighbours, with an exponent below 1e-4 and from 1e16 on.
    var pythonRepresentation: String {
        if isNaN { return "nan" }
        if isInfinite { return self < 0 ? "-inf" : "inf" }
        if self == 0 { return sign == .minus ? "-0.0" : "0.0" }
        let parts = "\(magnitude)".split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = mantissa[0]
        let fraction = mantissa.count > 1 ? mantissa[1] : ""
        let all = whole + fraction
        let leading = all.prefix { $0 == "0" }.count
        var digits = String(all.dropFirst(leading))
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        // The value is 0.digits · 10^point.
        let point = whole.count - leading + (parts.count > 1 ? Int(parts[1])! : 0)
        let text: String
        if point > 16 || point < -3 {
            let exponent = point - 1
            let tail = digits.dropFirst()
            text =
                digits.prefix(1) + (tail.isEmpty ? "" : "." + tail) + "e" + (exponent < 0 ? "-" : "+")
                + (abs(exponent) < 10 ? "0" : "") + String(abs(exponent))
        } else if point <= 0 {
            text = "0." + String(repeating: "0", count: -point) + digits
        } else if digits.count <= point {
            text = digits + String(repeating: "0", count: point - digits.count) + ".0"
        } else {
            text = digits.prefix(point) + "." + digits.dropFirst(point)
        }
        return (sign == .minus ? "-" : "") + text
    }
}
