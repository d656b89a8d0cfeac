import Foundation

/// What BERT's tokenizers do to a text before they look for pieces, and how they cut it into words.
///
/// Source: Hugging Face `tokenizers`, `BertNormalizer` and `BertPreTokenizer`. These know the characters of Unicode 8: what came later is of no kind
/// that is told apart here, and stays.
package struct BERTNormalization: Sendable, Equatable {
    /// Whether control characters are left out, and whitespace becomes a space.
    var cleansText = true
    /// Whether ideographs stand alone.
    var separatesIdeographs = true
    /// Whether letters lose their accents; nil for where they lose their case, too.
    var stripsAccents: Bool?
    /// Whether letters become small.
    var lowercases = true

    func apply(_ text: String) -> String {
        var scalars = text.unicodeScalars
        if cleansText || separatesIdeographs {
            var cleaned = String.UnicodeScalarView()
            for scalar in scalars {
                if cleansText, Self.isDropped(scalar) { continue }
                if separatesIdeographs, Self.isIdeograph(scalar) {
                    cleaned.append(contentsOf: [" ", scalar, " "])
                } else {
                    cleaned.append(cleansText && scalar.properties.isWhitespace ? " " : scalar)
                }
            }
            scalars = cleaned
        }
        if stripsAccents ?? lowercases, scalars.contains(where: { !$0.isASCII }) {
            let decomposed = String(scalars).decomposedStringWithCanonicalMapping.unicodeScalars
            scalars = String.UnicodeScalarView(decomposed.filter { !Self.isNonspacingMark($0) })
        }
        guard lowercases else { return String(scalars) }
        var lowered = String.UnicodeScalarView()
        for scalar in scalars {
            switch scalar {
            case "A"..."Z": lowered.append(Unicode.Scalar(scalar.value + 32)!)
            case _ where scalar.isASCII: lowered.append(scalar)
            default: lowered.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return String(lowered)
    }

    /// Calls `body` with the range of scalars of every word: what whitespace and punctuation part, and each mark of punctuation.
    static func forEachWord(in scalars: [Unicode.Scalar], _ body: (Range<Int>) -> Void) {
        var start = 0
        func end(at place: Int) { if start < place { body(start..<place) } }
        for (place, scalar) in scalars.enumerated() {
            if scalar.properties.isWhitespace {
                end(at: place)
                start = place + 1
            } else if isPunctuation(scalar) {
                end(at: place)
                body(place..<place + 1)
                start = place + 1
            }
        }
        end(at: scalars.count)
    }

    /// Control characters and their like, but for those that are whitespace, and the sign for what could not be read.
    package static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\r": return false
        case "\u{FFFD}": return true
        case _ where scalar.isASCII: return scalar.value < 0x20 || scalar.value == 0x7F
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .privateUse: return true
        case .format: return isKnown(scalar)
        default: return false
        }
    }

    /// The blocks that are set apart, with the gap that the source has among them.
    package static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    package static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "!"..."/", ":"..."@", "["..."`", "{"..."~": return true
        case _ where scalar.isASCII: return false
        // Marks of Unicode 8 that are of other categories since.
        case "\u{166D}", "\u{111C9}": return true
        default: return ScalarKind(scalar) == .punctuation && isKnown(scalar)
        }
    }

    /// Of decomposed text.
    package static func isNonspacingMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        // Characters whose category changed since Unicode 8.
        case "\u{1734}", "\u{1171E}": true
        case "\u{1885}", "\u{1886}", "\u{A9BD}", "\u{111C9}": false
        default: scalar.properties.generalCategory == .nonspacingMark && isKnown(scalar)
        }
    }

    /// Whether Unicode 8 has the character.
    private static func isKnown(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.age.map { $0.major <= 8 } ?? false }
}
