import ModelFiles

/// A tokenizer of a text encoder, which takes prompts of a fixed length.
public protocol PromptTokenizer: Tokenizer {
    /// The tokens of a prompt with what is put before and after it, as its files state it.
    var contextLength: Int? { get }
    /// What fills a prompt up.
    var paddingToken: Int32 { get }
}

extension PromptTokenizer {
    /// A prompt cut and filled to a length, as diffusers' pipelines do it.
    /// - Parameter length: More than what is put before and after a text; nil for the files' own.
    /// - Precondition: One of the two is stated.
    public func prompt(_ text: String, length: Int? = nil) -> EncoderPrompt {
        guard let length = length ?? contextLength else { preconditionFailure("a prompt has a length") }
        return EncoderPrompt(encode(text, addSpecial: true, parseSpecial: true), length: length, padding: paddingToken, tokenizer: self)
    }
}

extension CLIPTokenizer: PromptTokenizer {}

extension UnigramTokenizer: PromptTokenizer {
    /// T5 reads texts of any length.
    public var contextLength: Int? { nil }
}
