import Foundation

/// What CLIP's tokenizers do to a text before they cut it into words: two ways, which differ in texts that are not plain.
enum CLIPNormalization: Sendable {
    /// The way of transformers' `CLIPTokenizer` over `vocab.json` and `merges.txt`, which diffusers loads: control characters are left out,
    /// ideographs stand alone, a capital sigma at the end of a word becomes a final one.
    case basic
    /// The way of `tokenizer.json`: form C, one space for any whitespace, lower case character by character.
    case stated

    func apply(_ text: String) -> String {
        switch self {
        case .basic:
            var cleaned = String.UnicodeScalarView()
            for scalar in text.unicodeScalars where !Self.isDropped(scalar) {
                if scalar.properties.isWhitespace {
                    cleaned.append(" ")
                } else if Self.isIdeograph(scalar) {
                    cleaned.append(contentsOf: [" ", scalar, " "])
                } else {
                    cleaned.append(scalar)
                }
            }
            let words = String(cleaned).precomposedStringWithCanonicalMapping.unicodeScalars.split { $0.properties.isWhitespace }
            return words.map(Self.lowercased).joined(separator: " ")
        case .stated:
            var lowered = String.UnicodeScalarView()
            for scalar in text.precomposedStringWithCanonicalMapping.unicodeScalars {
                if !scalar.properties.isWhitespace {
                    lowered.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
                } else if lowered.last != " " {
                    lowered.append(" ")
                }
            }
            return String(lowered)
        }
    }

    /// Control characters and their like, but for those that are whitespace, and the sign for what could not be read.
    private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\r": return false
        case "\u{FFFD}": return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned: return true
        default: return false
        }
    }

    /// The blocks of CJK ideographs that BERT's tokenizer sets apart.
    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F: true
        default: false
        }
    }

    /// Lower case by the whole of Unicode's rules: The Unicode Standard, section 3.13, with `Final_Sigma`.
    private static func lowercased(_ word: Substring.UnicodeScalarView) -> String {
        var lowered = ""
        for index in word.indices {
            guard word[index] == "\u{3A3}" else {
                lowered += word[index].properties.lowercaseMapping
                continue
            }
            let before = word[..<index].last { !$0.properties.isCaseIgnorable }
            let after = word[word.index(after: index)...].first { !$0.properties.isCaseIgnorable }
            let isFinal = before?.properties.isCased == true && after?.properties.isCased != true
            lowered += isFinal ? "\u{3C2}" : "\u{3C3}"
        }
        return lowered
    }
}
