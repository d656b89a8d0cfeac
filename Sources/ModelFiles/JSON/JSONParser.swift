import Foundation

/// Reads JSON strictly as RFC 8259 defines it: UTF-8, nothing after the value, no key twice in an object, bounded nesting.
package struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    /// Added to positions in messages: where the text begins in its file.
    private let base: Int
    private var position = 0
    /// Whether `Infinity` and `-Infinity`, which Python writes, are numbers.
    private let acceptsInfinity: Bool
    /// The keys and numbers that lead to the value being read.
    private var path: [Step] = []

    private enum Step {
        case key(String)
        case element(Int)
    }

    /// Deeper than any configuration, and shallow enough for the stack.
    private static let maximumDepth = 64

    private init(_ bytes: UnsafeRawBufferPointer, file: String, base: Int, acceptsInfinity: Bool) {
        self.bytes = bytes
        self.file = file
        self.base = base
        self.acceptsInfinity = acceptsInfinity
    }

    /// - Parameters:
    ///   - file: what messages call the file.
    ///   - offset: where the text begins in the file.
    ///   - acceptsInfinity: whether `Infinity` and `-Infinity`, which Python writes and RFC 8259 does not have, are numbers.
    /// - Throws: ``ModelFileError/malformed(file:detail:)`` with the position of what is wrong.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, file: String, offset: Int = 0, acceptsInfinity: Bool = false
    ) throws(ModelFileError) -> JSONValue {
        var parser = JSONParser(bytes, file: file, base: offset, acceptsInfinity: acceptsInfinity)
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw parser.error("begins with a byte-order mark, which JSON does not have; save the file as UTF-8 without one")
        }
        let value = try parser.value(depth: 0)
        parser.skipWhitespace()
        guard parser.position == bytes.count else { throw parser.error("has something after its end") }
        return value
    }

    /// The value of a whole file, whatever its type.
    package static func parse(_ file: MappedFile) throws(ModelFileError) -> JSONValue {
        defer { withExtendedLifetime(file) {} }
        return try parse(file.bytes, file: file.name)
    }

    /// The value of some bytes.
    /// - Parameter name: what messages call them.
    package static func parse(_ bytes: [UInt8], named name: String) throws(ModelFileError) -> JSONValue {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(ModelFileError) in try parse(bytes, file: name) }
        }
        return try result.get()
    }

    private func error(_ detail: String) -> ModelFileError {
        let line = bytes[..<position].count { $0 == UInt8(ascii: "\n") } + 1
        let place = path.isEmpty ? "" : " under '\(pathText)'"
        return .malformed(file: file, detail: "the JSON \(detail)\(place), in line \(line), at byte \(base + position)")
    }

    /// For example `rope_scaling.factor` or `layers[3]`.
    private var pathText: String {
        path.reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += text.isEmpty ? key : ".\(key)"
            case .element(let number): text += "[\(number)]"
            }
        }
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(ModelFileError) -> JSONValue {
        guard depth < JSONParser.maximumDepth else { throw error("is nested more than \(JSONParser.maximumDepth) deep") }
        skipWhitespace()
        guard let byte = next else { throw error("ends too early") }
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "I") where acceptsInfinity: return try word("Infinity", .number(.infinity))
        case UInt8(ascii: "-") where acceptsInfinity && position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "I"):
            return try word("-Infinity", .number(-.infinity))
        case UInt8(ascii: "N"), UInt8(ascii: "I"): throw wordOfPython()
        case UInt8(ascii: "-") where position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "I"): throw wordOfPython()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error("has a character that begins no value")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(ModelFileError) -> JSONValue {
        let length = word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { bytes[position...].prefix(length).elementsEqual($0) }
        guard matches else { throw error("has a word that is neither true, false nor null") }
        position += length
        return value
    }

    /// The numbers that Python writes and JSON does not have, or what merely begins like them.
    private func wordOfPython() -> ModelFileError {
        for word in ["NaN", "Infinity", "-Infinity"] where bytes[position...].starts(with: word.utf8) {
            return error("has \(word), which is no number in JSON")
        }
        return error("has a character that begins no value")
    }

    private mutating func object(depth: Int) throws(ModelFileError) -> JSONObject {
        position += 1
        var members: [JSONObject.Member] = []
        var keys = ByteStringTable()
        skipWhitespace()
        if take(UInt8(ascii: "}")) { return JSONObject(members: members) }
        while true {
            skipWhitespace()
            guard next == UInt8(ascii: "\"") else { throw error("lacks a key") }
            let key = try string()
            guard keys.insert(key, 0) == nil else { throw error("has the key '\(key)' twice in an object") }
            skipWhitespace()
            guard take(UInt8(ascii: ":")) else { throw error("lacks a colon after the key '\(key)'") }
            path.append(.key(key))
            members.append(JSONObject.Member(key: key, value: try value(depth: depth + 1)))
            path.removeLast()
            skipWhitespace()
            if take(UInt8(ascii: "}")) { return JSONObject(members: members) }
            guard take(UInt8(ascii: ",")) else { throw error("lacks a comma or a brace in an object") }
        }
    }

    private mutating func array(depth: Int) throws(ModelFileError) -> [JSONValue] {
        position += 1
        var elements: [JSONValue] = []
        skipWhitespace()
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            path.append(.element(elements.count))
            elements.append(try value(depth: depth + 1))
            path.removeLast()
            skipWhitespace()
            if take(UInt8(ascii: "]")) { return elements }
            guard take(UInt8(ascii: ",")) else { throw error("lacks a comma or a bracket in an array") }
        }
    }

    private mutating func digits() throws(ModelFileError) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw error("has a number without digits") }
    }

    private mutating func number() throws(ModelFileError) -> JSONValue {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { throw error("has a number that is too large") }
        return .number(number)
    }

    private mutating func string() throws(ModelFileError) -> String {
        position += 1
        let start = position
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        if next == UInt8(ascii: "\"") {
            guard let string = String(validating: bytes[start..<position], as: UTF8.self) else { throw error("is not UTF-8") }
            position += 1
            return string
        }
        return try stringWithEscapes(Array(bytes[start..<position]))
    }

    /// The rest of a string whose beginning is given.
    private mutating func stringWithEscapes(_ beginning: [UInt8]) throws(ModelFileError) -> String {
        var text = beginning
        while true {
            guard let byte = next else { throw error("ends inside a string") }
            guard byte >= 0x20 else { throw error("has a control character in a string") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw error("is not UTF-8") }
                return string
            case UInt8(ascii: "\\"): try escape(&text)
            default: text.append(byte)
            }
        }
    }

    private mutating func escape(_ text: inout [UInt8]) throws(ModelFileError) {
        guard let byte = next else { throw error("ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var value = UInt32(try hexadecimal())
            if (0xD800...0xDBFF).contains(value) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw error("has half of a surrogate pair") }
                let low = UInt32(try hexadecimal())
                guard (0xDC00...0xDFFF).contains(low) else { throw error("has half of a surrogate pair") }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(value) else { throw error("has half of a surrogate pair") }
            text.append(contentsOf: String(Character(scalar)).utf8)
        default: throw error("has an unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(ModelFileError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error("has an escape without four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
