/// What a unigram tokenizer does to a text before it looks for pieces: the same things in two ways, which differ in texts that are not plain.
enum UnigramNormalization: Sendable {
    /// SentencePiece's own: at each place the longest key of the table, spaces run together and are taken from both ends.
    case sentencePiece(addsPrefix: Bool, removesExtraSpace: Bool)
    /// That of a `tokenizer.json`: the table on each character as people see it, then by what the file states.
    case stated(stripsEnd: Bool, spaces: SpaceRule, prefix: PrefixRule)

    /// What a run of two spaces and more becomes.
    enum SpaceRule: Sendable {
        case kept
        case one
        /// The sign for a space between words.
        case mark
        /// Text is cut at whitespace, which is left out.
        case cut
    }

    /// Where a text gets a space before it.
    enum PrefixRule: Sendable {
        case always
        case first
        case never
    }

    /// U+2581, which stands for a space in pieces.
    static let mark = Array("\u{2581}".utf8)

    /// The text in UTF-8, as tokens that are looked for in normalised text are found in it.
    func apply(_ text: String, _ map: CharacterMap) -> [UInt8] {
        switch self {
        case .sentencePiece(let addsPrefix, let removesExtraSpace):
            return Self.sentencePiece(Array(text.utf8), map, addsPrefix: addsPrefix, removesExtraSpace: removesExtraSpace)
        case .stated(let stripsEnd, let spaces, _):
            var normalized = Self.mappingCharacters(text, map)
            if stripsEnd { while let last = normalized.last, last.properties.isWhitespace { normalized.removeLast() } }
            return Array(String(spaces == .cut ? normalized : Self.ruled(normalized, spaces)).utf8)
        }
    }

    /// A stretch of normalised text with spaces as ``mark``.
    /// - Parameter isFirst: Whether it is the text's first.
    func marked(_ text: ArraySlice<UInt8>, isFirst: Bool) -> [UInt8] {
        switch self {
        // There they are already.
        case .sentencePiece: return Array(text)
        case .stated(_, let spaces, let prefix):
            let kept =
                spaces == .cut ? Array(String(Self.ruled(String(decoding: text, as: UTF8.self).unicodeScalars, .cut)).utf8)[...] : text
            guard !kept.isEmpty else { return [] }
            let bytes = kept.flatMap { $0 == UInt8(ascii: " ") ? Self.mark : [$0] }
            let adds = prefix == .always || (prefix == .first && isFirst)
            return adds && !bytes.starts(with: Self.mark) ? Self.mark + bytes : bytes
        }
    }

    /// The stretches of normalised text that pieces do not reach across: by a `tokenizer.json` each word with the sign before it.
    func words(_ text: [UInt8]) -> [[UInt8]] {
        guard case .stated = self else { return [text] }
        var words: [[UInt8]] = []
        var start = 0
        for place in text.indices where place > start && text[place...].starts(with: Self.mark) {
            words.append(Array(text[start..<place]))
            start = place
        }
        return start < text.count ? words + [Array(text[start...])] : words
    }

    // MARK: SentencePiece

    private static func sentencePiece(_ text: [UInt8], _ map: CharacterMap, addsPrefix: Bool, removesExtraSpace: Bool) -> [UInt8] {
        let space = UInt8(ascii: " ")
        var place = 0
        func next() -> (length: Int, replacement: ArraySlice<UInt8>) {
            var longest: (Int, ArraySlice<UInt8>)?
            map.matches(text[place...]) { length, replacement in
                longest = (length, replacement)
                return true
            }
            if let longest { return longest }
            let width = characterWidth(text, place)
            return (width, text[place..<place + width])
        }
        if removesExtraSpace {
            while place < text.count {
                let (length, replacement) = next()
                guard replacement.elementsEqual([space]) else { break }
                place += length
            }
        }
        guard place < text.count else { return [] }
        var output = addsPrefix ? mark : []
        var isAfterSpace = removesExtraSpace
        while place < text.count {
            let (length, found) = next()
            place += length
            var replacement = found
            if isAfterSpace { replacement = replacement.drop { $0 == space } }
            for byte in replacement { if byte == space { output += mark } else { output.append(byte) } }
            if let last = replacement.last { isAfterSpace = last == space }
            if !removesExtraSpace { isAfterSpace = false }
        }
        if removesExtraSpace {
            while output.count >= mark.count, output.suffix(mark.count).elementsEqual(mark) { output.removeLast(mark.count) }
        }
        return output
    }

    /// The bytes of the character at a place of valid UTF-8.
    static func characterWidth(_ text: [UInt8], _ place: Int) -> Int {
        let byte = text[place]
        return min(byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4, text.count - place)
    }

    // MARK: tokenizer.json

    /// Short grapheme clusters are looked up whole, all else scalar by scalar; of several keys the shortest counts, and stands for all that was
    /// looked up (`spm_precompiled`, which Hugging Face's `tokenizers` uses).
    private static func mappingCharacters(_ text: String, _ map: CharacterMap) -> String.UnicodeScalarView {
        guard !map.isEmpty else { return text.unicodeScalars }
        func replacement(_ bytes: some Sequence<UInt8>) -> String? {
            var found: String?
            map.matches(Array(bytes)[...]) { _, replacement in
                found = String(decoding: replacement, as: UTF8.self)
                return false
            }
            return found
        }
        var mapped = String.UnicodeScalarView()
        for character in text {
            if character.utf8.count < 6, let whole = replacement(character.utf8) {
                mapped.append(contentsOf: whole.unicodeScalars)
                continue
            }
            for scalar in character.unicodeScalars {
                if let other = replacement(UTF8.encode(scalar)!) {
                    mapped.append(contentsOf: other.unicodeScalars)
                } else {
                    mapped.append(scalar)
                }
            }
        }
        return mapped
    }

    private static func ruled(_ text: String.UnicodeScalarView, _ rule: SpaceRule) -> String.UnicodeScalarView {
        switch rule {
        case .kept: return text
        case .cut:
            var words = String.UnicodeScalarView()
            for word in text.split(whereSeparator: { $0.properties.isWhitespace }) {
                if !words.isEmpty { words.append(" ") }
                words.append(contentsOf: word)
            }
            return words
        case .one, .mark:
            var ruled = String.UnicodeScalarView()
            var run = 0
            func flush() {
                if run == 1 { ruled.append(" ") } else if run > 1 { ruled.append(rule == .one ? " " : "\u{2581}") }
                run = 0
            }
            for scalar in text {
                if scalar == " " {
                    run += 1
                } else {
                    flush()
                    ruled.append(scalar)
                }
            }
            flush()
            return ruled
        }
    }
}
