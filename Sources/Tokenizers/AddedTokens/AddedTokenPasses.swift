/// The added tokens of a tokenizer that normalises text: those that are looked for in a text as it is written, and those that are looked for, in
/// their normalised spelling, in what lies between them once that is normalised (`normalized` of Hugging Face's `tokenizers`).
struct AddedTokenPasses: Sendable {
    private let written, normalized: AddedTokens

    init(written: [AddedTokens.Entry], normalized: [AddedTokens.Entry]) {
        self.written = AddedTokens(written)
        self.normalized = AddedTokens(normalized)
    }

    /// Appends the tokens of a text.
    /// - Parameters:
    ///   - normalize: Of UTF-8 between tokens.
    ///   - encode: Appends the tokens of normalised text between tokens; `isFirst` says whether it begins the text.
    func encode(
        _ text: String, parsingSpecial: Bool, into output: inout [Int32], normalize: (ArraySlice<UInt8>) -> [UInt8],
        words encode: (_ text: ArraySlice<UInt8>, _ isFirst: Bool, _ output: inout [Int32]) -> Void
    ) {
        let bytes = Array(text.utf8)
        for segment in written.segments(of: bytes, parsingSpecial: parsingSpecial) {
            switch segment {
            case .token(let token): output.append(token)
            case .text(let range):
                self.encode(normalize(bytes[range]), isFirst: range.lowerBound == 0, parsingSpecial, into: &output, encode)
            }
        }
    }

    private func encode(
        _ text: [UInt8], isFirst: Bool, _ parsingSpecial: Bool, into output: inout [Int32],
        _ encode: (_ text: ArraySlice<UInt8>, _ isFirst: Bool, _ output: inout [Int32]) -> Void
    ) {
        for segment in normalized.segments(of: text, parsingSpecial: parsingSpecial) {
            switch segment {
            case .token(let token): output.append(token)
            case .text(let range): encode(text[range], isFirst && range.lowerBound == 0, &output)
            }
        }
    }
}
