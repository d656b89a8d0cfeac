/// GPT-2's printable stand-ins for bytes: a printable Latin-1 character stands for its own byte, the other bytes follow from U+0100 on.
///
/// Source: `bytes_to_unicode` of GPT-2's encoder (Radford et al. 2019).
enum ByteLevelAlphabet {
    /// The scalar that stands for each byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0...255).map { (byte: UInt32) in
            if isPrintable(byte) { return Unicode.Scalar(UInt8(byte)) }
            defer { next += 1 }
            return Unicode.Scalar(next)!
        }
    }()

    /// The byte that each scalar below U+0144 stands for; -1 for those that stand for none.
    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
        return table
    }()

    private static func isPrintable(_ byte: UInt32) -> Bool {
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
    }

    /// The text that stands for these bytes, in UTF-8.
    static func spell(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        for byte in bytes { text.append(contentsOf: UTF8.encode(scalars[Int(byte)])!) }
        return text
    }

    /// The bytes that a token's text stands for; the text's own UTF-8 when a character of it stands for no byte.
    static func unspell(_ text: String) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard scalar.value < bytes.count, bytes[Int(scalar.value)] >= 0 else { return Array(text.utf8) }
            decoded.append(UInt8(bytes[Int(scalar.value)]))
        }
        return decoded
    }
}
