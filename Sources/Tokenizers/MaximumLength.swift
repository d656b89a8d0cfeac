import ModelFiles

extension HuggingFaceFolder {
    /// The most tokens of a text that the tokenizer's settings allow; nil where they do not say.
    public func maximumTextLength() throws(ModelFileError) -> Int? { try tokenizerConfig()?.statedMaximumLength() }
}

extension JSONDocument {
    /// `model_max_length`, which is a number beyond all integers where a folder has none.
    func statedMaximumLength() throws(ModelFileError) -> Int? {
        guard let value = value("model_max_length") else { return nil }
        guard let length = value.integer else {
            guard let number = value.float, number > 1e9 else {
                throw .wrongType(file: name, key: "model_max_length", expected: "an integer", found: value.typeDescription)
            }
            return nil
        }
        guard length >= 2 else {
            throw .malformed(file: name, detail: "'model_max_length' is \(length), which leaves no room for begin and end")
        }
        return length
    }
}

extension Tokenizer {
    /// The tokens of a text with what is put around it, where it is too long cut before what is put behind it, as transformers cuts.
    ///
    /// Names of control tokens in the text stand for these, as there.
    /// - Parameter limit: The most tokens; more than what is put around.
    public func encode(_ text: String, atMost limit: Int) -> (tokens: [Int32], isCut: Bool) {
        let whole = encode(text, addSpecial: true, parseSpecial: true)
        guard whole.count > limit else { return (whole, false) }
        return (whole.prefix(limit - suffix.count) + suffix, true)
    }
}
