/// A prompt as a text encoder takes it: cut and filled to a length.
public struct EncoderPrompt: Sendable, Equatable {
    /// As many as the encoder is to read: text, end, padding.
    public let tokens: [Int32]
    /// How many of them are not padding.
    public let length: Int
    /// The end of the text, as its tokens spell it, where there was no room for it.
    public let removed: String?

    /// - Parameters:
    ///   - whole: All tokens of the text with what is put before and after it.
    ///   - length: More than what is put before and after.
    init(_ whole: [Int32], length: Int, padding: Int32, tokenizer: some Tokenizer) {
        let ends = tokenizer.suffix
        precondition(length >= tokenizer.prefix.count + ends.count || whole.count <= length, "a prompt has room for its begin and its end")
        guard whole.count > length else {
            tokens = whole + [Int32](repeating: padding, count: length - whole.count)
            self.length = whole.count
            removed = nil
            return
        }
        let kept = length - ends.count
        tokens = whole.prefix(kept) + ends
        self.length = length
        let text = tokenizer.decode(whole[kept...].dropLast(ends.count), includingControl: true)
        removed = String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
