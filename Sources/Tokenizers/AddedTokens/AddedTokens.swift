/// Tokens that are found in a text before it is split into words.
struct AddedTokens: Sendable {
    struct Entry: Sendable {
        let text: [UInt8]
        let number: Int32
        /// Whether it is read as a token only when special tokens are asked for.
        let isSpecial: Bool
        /// Whether whitespace before or after it belongs to it.
        var stripsLeft = false
        var stripsRight = false
    }

    /// A stretch of a text: ordinary bytes, or one token.
    enum Segment: Equatable {
        case text(Range<Int>)
        case token(Int32)
    }

    /// By first byte, the longest first.
    private let entries: [[Entry]]

    init(_ list: [Entry]) {
        var entries = [[Entry]](repeating: [], count: 256)
        for entry in list { if let first = entry.text.first { entries[Int(first)].append(entry) } }
        self.entries = entries.map { $0.sorted { $0.text.count > $1.text.count } }
    }

    /// The tokens of some kinds; all but those of the user are special.
    static func entries(_ texts: [String], _ kinds: [TokenKind], of wanted: Set<TokenKind>) -> [Entry] {
        zip(texts, kinds).enumerated().compactMap { number, token in
            guard !token.0.isEmpty, wanted.contains(token.1) else { return nil }
            return Entry(text: Array(token.0.utf8), number: Int32(number), isSpecial: token.1 != .userDefined)
        }
    }

    /// Cuts UTF-8 at the tokens in it: the leftmost first, and of those that begin there the longest.
    func segments(of text: [UInt8], parsingSpecial: Bool) -> [Segment] {
        var segments: [Segment] = []
        var start = 0
        var index = 0
        while index < text.count {
            guard let entry = match(text, at: index, parsingSpecial: parsingSpecial) else {
                index += 1
                continue
            }
            let end = entry.stripsLeft ? AddedTokens.trimmingWhitespace(text, start, index) : index
            if start < end { segments.append(.text(start..<end)) }
            segments.append(.token(entry.number))
            index += entry.text.count
            if entry.stripsRight { index = AddedTokens.skippingWhitespace(text, index) }
            start = index
        }
        if start < text.count { segments.append(.text(start..<text.count)) }
        return segments
    }

    private func match(_ text: [UInt8], at index: Int, parsingSpecial: Bool) -> Entry? {
        entries[Int(text[index])].first { entry in
            (parsingSpecial || !entry.isSpecial) && index + entry.text.count <= text.count
                && entry.text.elementsEqual(text[index..<index + entry.text.count])
        }
    }

    /// Where the whitespace that ends at `end` begins, not before `start`.
    private static func trimmingWhitespace(_ text: [UInt8], _ start: Int, _ end: Int) -> Int {
        let kept = String(decoding: text[start..<end], as: UTF8.self).unicodeScalars.reversed().drop { $0.properties.isWhitespace }
        return start + kept.reduce(0) { $0 + UTF8.width($1) }
    }

    private static func skippingWhitespace(_ text: [UInt8], _ start: Int) -> Int {
        let white = String(decoding: text[start...], as: UTF8.self).unicodeScalars.prefix { $0.properties.isWhitespace }
        return start + white.reduce(0) { $0 + UTF8.width($1) }
    }
}
