/// Decodes tokens as they come, and holds back the bytes of a character until it is complete.
///
/// The texts that it gives add up to what `decode` makes of all tokens at once.
public struct StreamDecoder: Sendable {
    private let tokenizer: any Tokenizer
    private let includingControl: Bool
    private var isFirst = true
    private var pending: [UInt8] = []

    /// - Parameter includingControl: whether control tokens appear by name, or are left out.
    public init(_ tokenizer: any Tokenizer, includingControl: Bool = false) {
        self.tokenizer = tokenizer
        self.includingControl = includingControl
    }

    /// The text that is complete with this token.
    public mutating func append(_ token: Int32) -> String {
        guard includingControl || tokenizer.kind(token) != .control else { return "" }
        pending.append(contentsOf: tokenizer.bytes(of: token, isFirst: isFirst))
        isFirst = false
        let complete = pending.count - StreamDecoder.incompleteSuffix(pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// What is left at the end: U+FFFD for a character that was never completed, or nothing.
    public mutating func finish() -> String {
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }

    /// The number of bytes at the end that begin a character whose other bytes are still to come.
    private static func incompleteSuffix(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let byte = bytes[bytes.count - length]
            if byte & 0xC0 == 0x80 { continue }
            let expected = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return expected > length ? length : 0
        }
        return 0
    }
}
