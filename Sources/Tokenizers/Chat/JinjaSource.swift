/// A Jinja template in a form in which spelling does not matter.
///
/// Inside tags there is no whitespace outside of literals, quotes are single, `message.role` stands for `message['role']`, and a line break
/// in a literal is `\n`. Between tags is the text that the template writes, after whitespace control (`-`) and the settings that chat
/// templates are run with: `trim_blocks` drops a line break after a block, `lstrip_blocks` drops the spaces before one. Comments are gone.
struct JinjaSource {
    private(set) var text = ""
    /// What lies between the tags, in one piece.
    private(set) var writtenText = ""

    init(_ template: String) {
        var rest = Array(template.unicodeScalars)[...]
        var trimsLeft = false
        while !rest.isEmpty {
            let start = rest.indices.first { JinjaSource.opensTag(rest, at: $0) } ?? rest.endIndex
            var written = rest[..<start]
            rest = rest[start...]
            if trimsLeft { written = written.drop { $0.properties.isWhitespace } }
            if rest.isEmpty {
                // The last line break of a template is not written.
                if written.last == "\n" { written.removeLast() }
            } else {
                JinjaSource.trimRight(&written, before: rest)
            }
            write(written)
            trimsLeft = takeTag(&rest)
        }
        for field in ["role", "content"] { text = text.replacing("message['\(field)']", with: "message.\(field)") }
    }

    private static func opensTag(_ text: ArraySlice<Unicode.Scalar>, at index: Int) -> Bool {
        guard text[index] == "{", index + 1 < text.endIndex else { return false }
        return text[index + 1] == "{" || text[index + 1] == "%" || text[index + 1] == "#"
    }

    /// Drops what the tag at the beginning of `rest` takes away before it.
    private static func trimRight(_ written: inout ArraySlice<Unicode.Scalar>, before rest: ArraySlice<Unicode.Scalar>) {
        if rest.dropFirst(2).first == "-" {
            while let last = written.last, last.properties.isWhitespace { written.removeLast() }
        } else if rest.dropFirst().first != "{" {
            let kept = written.lastIndex { $0 != " " && $0 != "\t" }
            if kept == nil || written[kept!] == "\n" { written = written[..<(kept.map { $0 + 1 } ?? written.startIndex)] }
        }
    }

    private mutating func write(_ scalars: some Sequence<Unicode.Scalar>) {
        text.unicodeScalars.append(contentsOf: scalars)
        writtenText.unicodeScalars.append(contentsOf: scalars)
    }

    /// Takes a tag off the front. Returns whether all whitespace after it goes; a line break after a block is taken here.
    private mutating func takeTag(_ rest: inout ArraySlice<Unicode.Scalar>) -> Bool {
        guard let open = rest.popFirst(), let kind = rest.popFirst() else { return false }
        let close: Unicode.Scalar = kind == "{" ? "}" : kind
        if rest.first == "-" { rest.removeFirst() }
        var content = ""
        var quote: Unicode.Scalar?
        var trims = false
        while let scalar = rest.popFirst() {
            if let mark = quote {
                if scalar == mark { quote = nil }
                if scalar == "\\", let escaped = rest.popFirst() {
                    content.unicodeScalars.append(contentsOf: [scalar, escaped])
                } else {
                    content += scalar == mark ? "'" : scalar == "\n" ? "\\n" : String(scalar)
                }
            } else if scalar == close, rest.first == "}" {
                rest.removeFirst()
                break
            } else if scalar == "-", rest.first == close, rest.dropFirst().first == "}" {
                trims = true
            } else if kind != "#", scalar == "'" || scalar == "\"" {
                quote = scalar
                content += "'"
            } else if !scalar.properties.isWhitespace {
                content.unicodeScalars.append(scalar)
            }
        }
        if kind != "#" { text += "\(open)\(kind)\(content)\(close)}" }
        if kind != "{", !trims, rest.first == "\n" { rest.removeFirst() }
        return trims
    }

    func contains(_ part: String) -> Bool { text.contains(part) }

    /// The text between two others in one literal, when it is not empty.
    func literal(after start: String, before end: String) -> String? {
        for range in text.ranges(of: start) {
            let rest = text[range.upperBound...]
            guard let stop = rest.firstRange(of: end) else { continue }
            let found = rest[..<stop.lowerBound]
            if !found.isEmpty, !found.contains("'") { return String(found).replacing("\\n", with: "\n") }
        }
        return nil
    }
}
