import ModelFiles

/// The pieces of a unigram model, and the most probable way to put a text together from them.
///
/// Source: Kudo, "Subword Regularization: Improving Neural Network Translation Models with Multiple Subword Candidates", ACL 2018, by
/// Viterbi's algorithm as in SentencePiece's `unigram_model.cc`.
struct PieceTable: Sendable {
    private let numbers: ByteStringTable
    private let scores: [Float]
    private let unknown: Int32
    private let unknownScore: Double
    private let longest: Int
    /// Whether probabilities add up in f32, as SentencePiece does, or in f64, as Hugging Face's `tokenizers` does.
    private let isSingle: Bool

    /// How much less probable an unknown character is than the least probable piece.
    private static let unknownPenalty = 10.0

    /// - Parameters:
    ///   - pieces: By number; those that are nil are never found in a text.
    ///   - unknown: The number of the token for what no piece covers.
    init(pieces: [(text: String, score: Float)?], unknown: Int32, isSingle: Bool, file: String) throws(ModelFileError) {
        var numbers = ByteStringTable(minimumCapacity: pieces.count)
        var longest = 1
        var lowest = Double.infinity
        for case (let number, let piece?) in pieces.enumerated() {
            guard piece.score.isFinite else { throw .malformed(file: file, detail: "the piece \(number) has a score that is not finite") }
            if let first = numbers.insert(piece.text, Int32(number)) {
                throw .malformed(file: file, detail: "the pieces \(first) and \(number) are both '\(piece.text)'")
            }
            longest = max(longest, piece.text.utf8.count)
            lowest = min(lowest, Double(piece.score))
        }
        guard lowest < .infinity else { throw .malformed(file: file, detail: "has no pieces to put a text together from") }
        self.numbers = numbers
        self.longest = longest
        self.unknown = unknown
        self.isSingle = isSingle
        scores = pieces.map { $0?.score ?? 0 }
        unknownScore = isSingle ? Double(Float(lowest) - Float(Self.unknownPenalty)) : lowest - Self.unknownPenalty
    }

    /// Appends the tokens of normalised text; what is unknown is one token as long as it runs, or those of its bytes.
    /// - Parameter byteTokens: By byte; nil for a model that has none.
    func encode(_ text: [UInt8], byteTokens: [Int32]?, into output: inout [Int32]) {
        // The best way to each place: its score, where its last piece begins, and which that is.
        var best = [(score: Double, start: Int, token: Int32)?](repeating: nil, count: text.count + 1)
        best[0] = (0, 0, -1)
        var place = 0
        text.withUnsafeBytes { bytes in
            while place < text.count {
                let width = UnigramNormalization.characterWidth(text, place)
                let so = best[place]!.score
                var coversCharacter = false
                func propose(_ end: Int, _ score: Double, _ token: Int32) {
                    let total = isSingle ? Double(Float(so) + Float(score)) : so + score
                    if let known = best[end], total <= known.score { return }
                    best[end] = (total, place, token)
                }
                var end = place + width
                while end <= text.count, end - place <= longest {
                    if let token = numbers.find(UnsafeRawBufferPointer(rebasing: bytes[place..<end])) {
                        propose(end, Double(scores[Int(token)]), token)
                        if end == place + width { coversCharacter = true }
                    }
                    guard end < text.count else { break }
                    end += UnigramNormalization.characterWidth(text, end)
                }
                if !coversCharacter { propose(place + width, unknownScore, unknown) }
                place += width
            }
        }
        var tokens: [Int32] = []
        var end = text.count
        while end > 0, let step = best[end] {
            if step.token == unknown, let byteTokens {
                for byte in text[step.start..<end].reversed() { tokens.append(byteTokens[Int(byte)]) }
            } else if step.token != unknown || tokens.last != unknown {
                tokens.append(step.token)
            }
            end = step.start
        }
        output += tokens.reversed()
    }
}
