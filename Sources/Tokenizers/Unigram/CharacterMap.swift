import ModelFiles

/// SentencePiece's table of replacements for stretches of text: a double-array trie over UTF-8, whose values are places in a text of
/// replacements that zeros end.
///
/// Source: google/sentencepiece, `normalizer.cc`, and Susumu Yata's darts-clone, whose units these are.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// A map that replaces nothing.
    init() { (units, replacements) = ([], []) }

    /// - Parameter bytes: The trie's length in bytes (32 bits), the trie, the replacements.
    init(_ bytes: [UInt8], file: String) throws(ModelFileError) {
        guard !bytes.isEmpty else {
            (units, replacements) = ([], [])
            return
        }
        func word(_ place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * $1) } }
        guard bytes.count >= 4, Int(word(0)) % 4 == 0, Int(word(0)) <= bytes.count - 4, word(0) >= 4 else {
            throw .malformed(file: file, detail: "the table of characters is shorter than it says")
        }
        let end = 4 + Int(word(0))
        units = stride(from: 4, to: end, by: 4).map(word)
        replacements = Array(bytes[end...])
    }

    var isEmpty: Bool { units.isEmpty }

    /// The keys that `text` begins with, the shortest first: their lengths and what replaces them.
    func matches(_ text: ArraySlice<UInt8>, _ body: (_ length: Int, _ replacement: ArraySlice<UInt8>) -> Bool) {
        guard var unit = units.first else { return }
        var node = Self.offset(unit)
        for (index, byte) in text.enumerated() {
            node ^= Int(byte)
            guard node < units.count else { return }
            unit = units[node]
            guard Self.label(unit) == UInt32(byte) else { return }
            node ^= Self.offset(unit)
            guard node < units.count else { return }
            if Self.hasLeaf(unit), let replacement = replacement(Int(units[node] & 0x7FFF_FFFF)), !body(index + 1, replacement) { return }
        }
    }

    private func replacement(_ place: Int) -> ArraySlice<UInt8>? {
        guard place < replacements.count else { return nil }
        return replacements[place...].prefix { $0 != 0 }
    }

    private static func hasLeaf(_ unit: UInt32) -> Bool { unit >> 8 & 1 == 1 }
    private static func label(_ unit: UInt32) -> UInt32 { unit & (1 << 31 | 0xFF) }
    private static func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 1 << 9) >> 6)) }
}
