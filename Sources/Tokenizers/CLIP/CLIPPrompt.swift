/// A prompt as a text encoder takes it.
public struct CLIPPrompt: Sendable, Equatable {
    /// As many as the encoder has positions: begin, text, end, padding.
    public let tokens: [Int32]
    /// How many of them are not padding.
    public let length: Int
    /// The end of the text, as its tokens spell it, where there was no room for it.
    public let removed: String?
}

extension CLIPTokenizer {
    /// A prompt cut and filled to a length, as diffusers' pipelines do it.
    /// - Parameter length: At least 2; nil for the folder's own.
    /// - Precondition: One of the two is stated.
    public func prompt(_ text: String, length: Int? = nil) -> CLIPPrompt {
        guard let length = length ?? contextLength, length >= 2 else { preconditionFailure("a prompt has room for its begin and its end") }
        let tokens = encode(text, addSpecial: true, parseSpecial: true)
        guard tokens.count > length else {
            let padding = [Int32](repeating: paddingToken, count: length - tokens.count)
            return CLIPPrompt(tokens: tokens + padding, length: tokens.count, removed: nil)
        }
        let removed = decode(tokens[(length - 1)...].dropLast(), includingControl: true)
        return CLIPPrompt(
            tokens: tokens.prefix(length - 1) + suffix, length: length,
            removed: String(removed.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
    }
}
