extension WordMatcher {
    /// What a letter may do in a word of the patterns that look at case.
    private enum LetterCase {
        /// `[\p{Lu}\p{Lt}]`, which begin a word.
        case upper
        /// `\p{Ll}`, which ends one.
        case lower
        /// `[\p{Lm}\p{Lo}\p{M}]`, which do both.
        case either
    }

    private func letterCase(_ index: Int) -> LetterCase? {
        let scalar = text.scalars[index]
        switch scalar {
        case "a"..."z": return .lower
        case "A"..."Z": return .upper
        case _ where scalar.isASCII: return nil
        default:
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .titlecaseLetter: return .upper
            case .lowercaseLetter: return .lower
            case .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark, .enclosingMark: return .either
            default: return nil
            }
        }
    }

    /// The pattern of GPT-4o and of Mistral's tekken: as Llama 3's, but words begin with capitals and go on in small letters, marks are letters,
    /// and slashes go with line breaks after symbols.
    /// - Parameters:
    ///   - digits: Of a word of digits, the most.
    ///   - endsInContraction: Whether `'s`, `'ll` and their like belong to the word before them; tekken knows none.
    func casedWords(in range: Range<Int>, digits: Int, endsInContraction: Bool, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = casedWordEnd(start, range.upperBound, digits: digits, endsInContraction: endsInContraction)
            body(start..<end)
            start = end
        }
    }

    private func casedWordEnd(_ start: Int, _ end: Int, digits: Int, endsInContraction: Bool) -> Int {
        let kind = text.kinds[start]
        // [^\r\n\p{L}\p{N}]? before a word, taken where it can be.
        let canLead = kind != .letter && kind != .number && !isLineBreak(start)
        let places = canLead ? [start + 1, start] : [start]
        if let word = places.lazy.compactMap({ lowerWordEnd($0, end) }).first ?? places.lazy.compactMap({ upperWordEnd($0, end) }).first {
            return endsInContraction && word < end ? contractionEnd(word, end, ignoringCase: true) ?? word : word
        }
        // \p{N}{1,digits}
        if kind == .number {
            var next = start + 1
            while next < end, next - start < digits, text.kinds[next] == .number { next += 1 }
            return next
        }
        //  ?[^\s\p{L}\p{N}]+[\r\n/]*
        let first = text.scalars[start] == " " ? start + 1 : start
        if first < end, WordMatcher.group(text.kinds[first]) == .other {
            var next = first + 1
            while next < end, WordMatcher.group(text.kinds[next]) == .other { next += 1 }
            while next < end, isLineBreak(next) || text.scalars[next] == "/" { next += 1 }
            return next
        }
        return lineBreakEnd(start, end) ?? whitespaceEnd(start, end)
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
    private func lowerWordEnd(_ start: Int, _ end: Int) -> Int? {
        var next = start
        // Where the second part can begin at the latest.
        var last: Int?
        while next < end, let letter = letterCase(next), letter != .lower {
            if letter == .either { last = next }
            next += 1
        }
        if next < end, letterCase(next) == .lower { return lowerRunEnd(next, end) }
        return last.map { lowerRunEnd($0, end) }
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`, where the other part does not match.
    private func upperWordEnd(_ start: Int, _ end: Int) -> Int? {
        var next = start
        while next < end, let letter = letterCase(next), letter != .lower { next += 1 }
        return next > start ? lowerRunEnd(next, end) : nil
    }

    private func lowerRunEnd(_ start: Int, _ end: Int) -> Int {
        var next = start
        while next < end, let letter = letterCase(next), letter != .upper { next += 1 }
        return next
    }
}
