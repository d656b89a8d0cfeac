import ModelFiles

/// What a token is for.
///
/// Source: llama.cpp's `llama_token_type`, whose numbers GGUF files use in `tokenizer.ggml.token_type`.
public enum TokenKind: Int, Sendable {
    case normal = 1
    case unknown = 2
    /// Structure that is not text, such as the beginning of a message.
    case control = 3
    /// Text that is a token of its own before anything else is split.
    case userDefined = 4
    case unused = 5
    case byte = 6
}

/// The tokens of a model: their texts as the file spells them, the bytes they stand for, and what they are for.
struct Vocabulary: Sendable {
    let kinds: [TokenKind]
    private let numbers: ByteStringTable
    private let pieces: [UInt8]
    /// One more than the tokens: where each piece begins.
    private let pieceStarts: [Int32]

    /// - Throws: ``ModelFileError/malformed(file:detail:)`` when a token occurs twice, or there are too many.
    init(texts: [String], kinds: [TokenKind], file: String) throws(ModelFileError) {
        precondition(texts.count == kinds.count, "every token has a kind")
        guard Int32(exactly: texts.count) != nil else { throw .malformed(file: file, detail: "has more than 2³¹ tokens") }
        var numbers = ByteStringTable(minimumCapacity: texts.count)
        var pieces: [UInt8] = []
        var starts: [Int32] = [0]
        starts.reserveCapacity(texts.count + 1)
        for (number, (text, kind)) in zip(texts, kinds).enumerated() {
            if !text.isEmpty, let first = numbers.insert(text, Int32(number)) {
                throw .malformed(file: file, detail: "the tokens \(first) and \(number) are both '\(text)'")
            }
            switch kind {
            case .control, .userDefined, .unknown: pieces.append(contentsOf: text.utf8)
            case .normal, .unused, .byte: pieces.append(contentsOf: ByteLevelAlphabet.unspell(text))
            }
            guard let end = Int32(exactly: pieces.count) else {
                throw .malformed(file: file, detail: "the tokens take more than 2 GiB")
            }
            starts.append(end)
        }
        self.kinds = kinds
        self.numbers = numbers
        self.pieces = pieces
        pieceStarts = starts
    }

    var count: Int { kinds.count }

    /// The token of a text as the file spells it.
    func number(of text: String) -> Int32? { numbers.find(text) }
    func number(of text: [UInt8]) -> Int32? { numbers.find(text) }

    /// The bytes that a token stands for; none for a number that is no token.
    func piece(_ number: Int32) -> ArraySlice<UInt8> {
        guard number >= 0, number < count else { return [] }
        return pieces[Int(pieceStarts[Int(number)])..<Int(pieceStarts[Int(number) + 1])]
    }
}
