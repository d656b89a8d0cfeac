/// What turns text into the token numbers of a model, and back.
///
/// Each kind (byte-level BPE, SentencePiece, WordPiece, …) is one type that conforms; ``TokenizerRegistry`` picks it by the name that a
/// file gives its kind. Token numbers run from 0 to ``vocabularySize`` − 1; a number outside them is no token, and stands for nothing.
///
/// Conforming types follow Hugging Face's and llama.cpp's rules for tokens that are looked for in the text before all else:
/// user-defined ones are always read as tokens, control tokens only when `parseSpecial` is true, else their text is ordinary text.
public protocol Tokenizer: Sendable {
    /// The number of tokens.
    var vocabularySize: Int { get }
    /// The token that begins a text, for models that have one.
    var beginOfSequence: Int32? { get }
    /// The token that ends a text, for models that have one.
    var endOfSequence: Int32? { get }
    /// Tokens after which a model has said all: the end of the sequence, of a turn, or of a message.
    var stopTokens: Set<Int32> { get }
    /// What `addSpecial` puts before and after a text.
    var prefix: [Int32] { get }
    var suffix: [Int32] { get }

    /// The tokens of a text.
    /// - Parameters:
    ///   - addSpecial: whether to put ``prefix`` before and ``suffix`` after, as the model expects.
    ///   - parseSpecial: whether the names of control tokens in the text stand for these tokens.
    func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32]

    /// The number of the token with this text, as the file spells it.
    func token(_ text: String) -> Int32?

    /// What a token is for; nil for a number that is no token.
    func kind(_ token: Int32) -> TokenKind?

    /// The bytes that a token adds to a text, which need not be whole characters.
    /// Control tokens stand for their names.
    /// - Parameter isFirst: whether nothing comes before it: kinds that write the spaces between words begin a text without one.
    func bytes(of token: Int32, isFirst: Bool) -> [UInt8]
}

extension Tokenizer {
    /// The bytes that a token stands for within a text.
    public func piece(_ token: Int32) -> [UInt8] { bytes(of: token, isFirst: false) }

    /// The text of tokens; bytes that are not UTF-8 become U+FFFD.
    /// - Parameter includingControl: whether control tokens appear by name, or are left out.
    public func decode(_ tokens: some Sequence<Int32>, includingControl: Bool = false) -> String {
        var bytes: [UInt8] = []
        var isFirst = true
        for token in tokens where includingControl || kind(token) != .control {
            bytes.append(contentsOf: self.bytes(of: token, isFirst: isFirst))
            isFirst = false
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
