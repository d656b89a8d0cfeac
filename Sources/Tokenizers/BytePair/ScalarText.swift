/// The kinds of characters that pre-tokenizers tell apart.
enum ScalarKind: UInt8 {
    /// `\p{L}`
    case letter
    /// `\p{N}`
    case number
    /// `\s`: the property White_Space
    case whitespace
    /// `\p{P}`
    case punctuation
    case other

    init(_ scalar: Unicode.Scalar) {
        if scalar.value < 128 {
            self = ScalarKind.ascii[Int(scalar.value)]
        } else {
            self.init(properties: scalar.properties)
        }
    }

    private init(properties: Unicode.Scalar.Properties) {
        if properties.isWhitespace {
            self = .whitespace
            return
        }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
            .otherPunctuation:
            self = .punctuation
        default: self = .other
        }
    }

    private static let ascii: [ScalarKind] = (0..<128).map { ScalarKind(properties: Unicode.Scalar($0 as UInt8).properties) }
}

/// A text as its Unicode scalars, their kinds, and where each begins in UTF-8.
struct ScalarText {
    private(set) var scalars: [Unicode.Scalar] = []
    private(set) var kinds: [ScalarKind] = []
    /// One more than the scalars: the last is the length of the text.
    private(set) var offsets: [Int] = []

    init(_ text: some StringProtocol) {
        let capacity = text.utf8.count
        scalars.reserveCapacity(capacity)
        kinds.reserveCapacity(capacity)
        offsets.reserveCapacity(capacity + 1)
        var offset = 0
        for scalar in text.unicodeScalars {
            scalars.append(scalar)
            kinds.append(ScalarKind(scalar))
            offsets.append(offset)
            offset += UTF8.width(scalar)
        }
        offsets.append(offset)
    }

    var count: Int { scalars.count }
}
