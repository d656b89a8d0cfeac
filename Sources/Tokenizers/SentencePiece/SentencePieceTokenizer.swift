import ModelFiles

/// Byte-pair encoding over characters as SentencePiece does it, with spaces written as U+2581 and bytes for characters without a token: the
/// tokenizer of Llama 1 and 2, Mistral, Phi-3 and Gemma.
///
/// The same tokenizer comes from SentencePiece's `tokenizer.model`, from a Hugging Face `tokenizer.json`, or from a GGUF file.
public final class SentencePieceTokenizer: Tokenizer {
    public let beginOfSequence: Int32?
    public let endOfSequence: Int32?
    public let stopTokens: Set<Int32>
    public let prefix: [Int32]
    public let suffix: [Int32]
    private let texts: [String]
    private let kinds: [TokenKind]
    /// All tokens.
    private let numbers: ByteStringTable
    private let merger: PieceMerger
    private let addedTokens, markedTokens: AddedTokens
    private let spacing: Spacing
    private let ignoresMerges: Bool

    /// What happens to spaces before pieces are looked for.
    struct Spacing: Sendable {
        /// Where a text gets a space before it.
        enum Prefix: Sendable {
            case never
            /// The text's beginning.
            case first
            /// The beginning, and behind every token that was found in the text before all else.
            case every
        }

        var prefix: Prefix
        /// Whether text that begins with a space gets another.
        var repeatsPrefix = true
        /// Whether pieces do not reach across the beginning of a word.
        var splitsWords = false
        /// Whether the first space of decoded tokens is left out.
        var dropsFirst: Bool
    }

    /// What a tokenizer is made of, from whatever file.
    struct Parts {
        /// What messages call the file.
        var file: String
        var texts: [String]
        var kinds: [TokenKind]
        /// Scores or merges, of pieces of these texts.
        var order: (ByteStringTable) throws(ModelFileError) -> PieceMerger.Order
        var spacing: Spacing
        var fallsBackToBytes = true
        var unknown: Int?
        var fusesUnknown = true
        var ignoresMerges = false
        /// Whether tokens that are user-defined or control are found by merging, too.
        var mergesAdded = false
        /// Those that are found in a text as it is.
        var addedTokens: [AddedTokens.Entry] = []
        /// Those that are found where spaces are U+2581 already.
        var markedTokens: [AddedTokens.Entry] = []
        var beginOfSequence: Int32?
        var endOfSequence: Int32?
        /// The tokens after which a model has said all.
        var stopTokens: (ByteStringTable) throws(ModelFileError) -> Set<Int32> = { _ in [] }
        var prefix: [Int32] = []
        var suffix: [Int32] = []
    }

    init(_ parts: Parts) throws(ModelFileError) {
        let count = parts.texts.count
        precondition(parts.kinds.count == count, "every token has a kind")
        guard Int32(exactly: count) != nil else { throw .malformed(file: parts.file, detail: "has more than 2³¹ tokens") }
        if let unknown = parts.unknown, !parts.texts.indices.contains(unknown) {
            throw .malformed(file: parts.file, detail: "has \(count) tokens, but number \(unknown) is to stand for unknown text")
        }
        var numbers = ByteStringTable(minimumCapacity: count)
        var pieces = ByteStringTable(minimumCapacity: count)
        var bytes = [Int32](repeating: -1, count: 256)
        var unused: Set<Int32> = []
        for (number, (text, kind)) in zip(parts.texts, parts.kinds).enumerated() where !text.isEmpty {
            if let first = numbers.insert(text, Int32(number)) {
                throw .malformed(file: parts.file, detail: "the tokens \(first) and \(number) are both '\(text)'")
            }
            switch kind {
            case .normal: _ = pieces.insert(text, Int32(number))
            case .unused:
                _ = pieces.insert(text, Int32(number))
                unused.insert(Int32(number))
            case .byte:
                guard let byte = SentencePieceTokenizer.byte(text) else {
                    throw .malformed(file: parts.file, detail: "the token '\(text)' is to be a byte, which are written as <0x0A>")
                }
                bytes[Int(byte)] = Int32(number)
            case .userDefined, .control, .unknown: if parts.mergesAdded { _ = pieces.insert(text, Int32(number)) }
            }
        }
        texts = parts.texts
        kinds = parts.kinds
        merger = PieceMerger(
            numbers: pieces, order: try parts.order(numbers), unused: unused, bytes: parts.fallsBackToBytes ? bytes : [],
            unknown: parts.unknown.map(Int32.init), fusesUnknown: parts.fusesUnknown)
        addedTokens = AddedTokens(parts.addedTokens)
        markedTokens = AddedTokens(parts.markedTokens)
        spacing = parts.spacing
        ignoresMerges = parts.ignoresMerges
        beginOfSequence = parts.beginOfSequence
        endOfSequence = parts.endOfSequence
        (prefix, suffix) = (parts.prefix, parts.suffix)
        stopTokens = try parts.stopTokens(numbers)
        self.numbers = numbers
    }

    /// The byte of a token `<0x0A>`.
    static func byte(_ text: String) -> UInt8? {
        guard text.utf8.count == 6, text.hasPrefix("<0x"), text.hasSuffix(">") else { return nil }
        return UInt8(text.dropFirst(3).dropLast(), radix: 16)
    }

    public var vocabularySize: Int { texts.count }

    public func token(_ text: String) -> Int32? { numbers.find(text) }

    public func kind(_ token: Int32) -> TokenKind? { kinds.indices.contains(Int(token)) ? kinds[Int(token)] : nil }

    /// A piece with its spaces; where texts get a space before them, one begins without it.
    public func bytes(of token: Int32, isFirst: Bool) -> [UInt8] {
        guard texts.indices.contains(Int(token)) else { return [] }
        let text = texts[Int(token)]
        switch kinds[Int(token)] {
        case .control, .unknown: return Array(text.utf8)
        case .byte: return SentencePieceTokenizer.byte(text).map { [$0] } ?? Array(text.utf8)
        case .normal, .unused, .userDefined:
            let spelled = Array(text.unicodeScalars.map { $0 == "\u{2581}" ? " " : String($0) }.joined().utf8)
            return isFirst && spacing.dropsFirst && spelled.first == UInt8(ascii: " ") ? Array(spelled.dropFirst()) : spelled
        }
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var output = addSpecial ? prefix : []
        let bytes = Array(text.utf8)
        var work = SymbolMerger()
        for segment in addedTokens.segments(of: bytes, parsingSpecial: parseSpecial) {
            switch segment {
            case .token(let token): output.append(token)
            case .text(let range):
                let marked = SentencePieceTokenizer.marked(bytes[range], spacing, isFirst: range.lowerBound == 0)
                for segment in markedTokens.segments(of: marked, parsingSpecial: parseSpecial) {
                    switch segment {
                    case .token(let token): output.append(token)
                    case .text(let range): encode(marked[range], &output, &work)
                    }
                }
            }
        }
        if addSpecial { output += suffix }
        return output
    }

    private static let mark = Array("\u{2581}".utf8)

    /// The text with spaces as U+2581, and one before it where there is to be one.
    static func marked(_ text: some Collection<UInt8>, _ spacing: Spacing? = nil, isFirst: Bool = false) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count + text.count / 2)
        for byte in text { if byte == UInt8(ascii: " ") { output += mark } else { output.append(byte) } }
        guard let spacing, spacing.prefix == .every || spacing.prefix == .first && isFirst else { return output }
        return spacing.repeatsPrefix || !output.starts(with: mark) ? mark + output : output
    }

    private func encode(_ text: ArraySlice<UInt8>, _ output: inout [Int32], _ work: inout SymbolMerger) {
        var start = text.startIndex
        func encodeWord(_ end: Int) {
            let word = text[start..<end]
            start = end
            if ignoresMerges, let token = merger.number(of: word) { return output.append(token) }
            merger.encode(word, into: &output, &work)
        }
        if spacing.splitsWords {
            for place in text.indices.dropFirst() where text[place] == Self.mark[0] && text[place...].starts(with: Self.mark) {
                encodeWord(place)
            }
        }
        if start < text.endIndex { encodeWord(text.endIndex) }
    }
}

extension SentencePieceTokenizer.Parts {
    /// Takes the tokens that are found before all else from their kinds: SentencePiece finds those of the user where spaces are U+2581 already.
    mutating func findAddedTokens() {
        addedTokens = AddedTokens.entries(texts, kinds, of: [.control, .unknown])
        markedTokens = AddedTokens.entries(texts, kinds, of: [.userDefined]).map { entry in
            AddedTokens.Entry(text: SentencePieceTokenizer.marked(entry.text), number: entry.number, isSpecial: false)
        }
    }
}
