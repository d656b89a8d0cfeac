import ModelFiles

/// The words met while a text is encoded, with their tokens: most words of a text occur many times.
struct EncodingSession {
    private var work = SymbolMerger()
    private var words = ByteStringTable()
    private var tokens: [Int32] = []
    /// One more than the words: where the tokens of each begin.
    private var starts: [Int] = [0]

    /// Longer words are rarely met again, and enough words are enough.
    private static let maximumWordLength = 64
    private static let maximumWords = 1 << 18

    /// Appends the tokens of a word, which `encode` appends to its second argument when the word is new.
    mutating func append(
        _ word: UnsafeRawBufferPointer, to output: inout [Int32],
        encode: (UnsafeRawBufferPointer, inout [Int32], inout SymbolMerger) -> Void
    ) {
        guard word.count <= EncodingSession.maximumWordLength else { return encode(word, &output, &work) }
        if let known = words.find(word) {
            output.append(contentsOf: tokens[starts[Int(known)]..<starts[Int(known) + 1]])
            return
        }
        guard words.count < EncodingSession.maximumWords else { return encode(word, &output, &work) }
        encode(word, &tokens, &work)
        output.append(contentsOf: tokens[starts[words.count]...])
        starts.append(tokens.count)
        _ = words.insert(word, Int32(words.count))
    }
}
