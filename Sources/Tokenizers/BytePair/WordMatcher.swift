/// Matches the alternatives of the pre-tokenizers' patterns at a place of a text.
struct WordMatcher {
    let text: ScalarText

    init(_ text: ScalarText) { self.text = text }

    /// Cuts a range into runs of scalars for which `predicate` holds, none longer than `limit`, and what lies between them.
    func runs(in range: Range<Int>, limit: Int, of predicate: (Int) -> Bool, _ body: (Range<Int>, _ holds: Bool) -> Void) {
        var start = range.lowerBound
        while start < range.upperBound {
            let holds = predicate(start)
            var end = start + 1
            while end < range.upperBound, predicate(end) == holds, !holds || end - start < limit { end += 1 }
            body(start..<end, holds)
            start = end
        }
    }

    /// `[\p{P}$+<=>^~|]`
    func isDefaultPunctuation(_ index: Int) -> Bool {
        switch text.scalars[index] {
        case "$", "+", "<", "=", ">", "^", "~", "|": true
        default: text.kinds[index] == .punctuation
        }
    }

    /// Cuts groups of three ASCII digits out of a range.
    func digitTriples(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
        func isDigit(_ index: Int) -> Bool { ("0"..."9").contains(text.scalars[index]) }
        var start = range.lowerBound
        var index = start
        while index + 3 <= range.upperBound {
            guard isDigit(index), isDigit(index + 1), isDigit(index + 2) else {
                index += 1
                continue
            }
            if start < index { body(start..<index) }
            body(index..<index + 3)
            index += 3
            start = index
        }
        if start < range.upperBound { body(start..<range.upperBound) }
    }

    /// GPT-2's pattern, matched again and again.
    func gpt2Words(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = gpt2WordEnd(start, range.upperBound)
            body(start..<end)
            start = end
        }
    }

    private func gpt2WordEnd(_ start: Int, _ end: Int) -> Int {
        if let contraction = contractionEnd(start, end, ignoringCase: false) { return contraction }
        // A leading space belongs to the letters, digits or symbols that follow it.
        let first = text.scalars[start] == " " && start + 1 < end && text.kinds[start + 1] != .whitespace ? start + 1 : start
        let group = WordMatcher.group(text.kinds[first])
        guard group != .whitespace else { return whitespaceEnd(start, end) }
        var next = first + 1
        while next < end, WordMatcher.group(text.kinds[next]) == group { next += 1 }
        return next
    }

    /// Llama 3's pattern, with words of up to `digits` digits.
    func llama3Words(in range: Range<Int>, digits: Int, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = llama3WordEnd(start, range.upperBound, digits: digits)
            body(start..<end)
            start = end
        }
    }

    private func llama3WordEnd(_ start: Int, _ end: Int, digits: Int) -> Int {
        if let contraction = contractionEnd(start, end, ignoringCase: true) { return contraction }
        let kind = text.kinds[start]
        // [^\r\n\p{L}\p{N}]?\p{L}+
        let canLead = kind != .letter && kind != .number && !isLineBreak(start)
        if kind == .letter || (canLead && start + 1 < end && text.kinds[start + 1] == .letter) {
            var next = start + 1
            while next < end, text.kinds[next] == .letter { next += 1 }
            return next
        }
        // \p{N}{1,digits}
        if kind == .number {
            var next = start + 1
            while next < end, next - start < digits, text.kinds[next] == .number { next += 1 }
            return next
        }
        //  ?[^\s\p{L}\p{N}]+[\r\n]*
        let first = text.scalars[start] == " " ? start + 1 : start
        if first < end, WordMatcher.group(text.kinds[first]) == .other {
            var next = first + 1
            while next < end, WordMatcher.group(text.kinds[next]) == .other { next += 1 }
            while next < end, isLineBreak(next) { next += 1 }
            return next
        }
        return lineBreakEnd(start, end) ?? whitespaceEnd(start, end)
    }

    /// `\s*[\r\n]+`: up to the last line break of a run of whitespace.
    func lineBreakEnd(_ start: Int, _ end: Int) -> Int? {
        var next = start
        var afterLineBreak: Int?
        while next < end, text.kinds[next] == .whitespace {
            next += 1
            if isLineBreak(next - 1) { afterLineBreak = next }
        }
        return afterLineBreak
    }

    /// CLIP's pattern, `'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`, and before its alternatives some texts as words of their
    /// own. Whitespace is no word.
    func clipWords(in range: Range<Int>, whole: [[Unicode.Scalar]], ignoringCase: Bool, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        while start < range.upperBound {
            guard text.kinds[start] != .whitespace else {
                start += 1
                continue
            }
            let end = clipWordEnd(start, range.upperBound, whole: whole, ignoringCase: ignoringCase)
            body(start..<end)
            start = end
        }
    }

    private func clipWordEnd(_ start: Int, _ end: Int, whole: [[Unicode.Scalar]], ignoringCase: Bool) -> Int {
        for word in whole where text.scalars[start..<end].starts(with: word) { return start + word.count }
        if let contraction = contractionEnd(start, end, ignoringCase: ignoringCase) { return contraction }
        let group = WordMatcher.group(text.kinds[start])
        guard group != .number else { return start + 1 }
        var next = start + 1
        while next < end, WordMatcher.group(text.kinds[next]) == group { next += 1 }
        return next
    }

    /// `\s+(?!\S)|\s+`: a run of whitespace, but for its last character when a word follows and the run is longer than that.
    func whitespaceEnd(_ start: Int, _ end: Int) -> Int {
        var next = start + 1
        while next < end, text.kinds[next] == .whitespace { next += 1 }
        return next < end && next - start > 1 ? next - 1 : next
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`
    func contractionEnd(_ start: Int, _ end: Int, ignoringCase: Bool) -> Int? {
        guard text.scalars[start] == "'", start + 1 < end else { return nil }
        func letter(_ index: Int) -> Unicode.Scalar {
            let scalar = text.scalars[index]
            guard ignoringCase else { return scalar }
            // Simple case folding: capitals, and the long s, which folds to s.
            return scalar == "\u{17F}" ? "s" : ("A"..."Z").contains(scalar) ? Unicode.Scalar(scalar.value + 32)! : scalar
        }
        let first = letter(start + 1)
        switch first {
        case "s", "t", "m", "d": return start + 2
        case "r", "v", "l":
            guard start + 2 < end, letter(start + 2) == (first == "l" ? "l" : "e") else { return nil }
            return start + 3
        default: return nil
        }
    }

    func isLineBreak(_ index: Int) -> Bool { text.scalars[index] == "\r" || text.scalars[index] == "\n" }

    /// The kind, with punctuation among the other symbols: `[^\s\p{L}\p{N}]`.
    static func group(_ kind: ScalarKind) -> ScalarKind { kind == .punctuation ? .other : kind }
}
