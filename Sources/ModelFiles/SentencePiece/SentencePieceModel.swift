/// A model file of SentencePiece (`spiece.model`): its pieces, and how text is brought into the form they are of.
///
/// Source: `sentencepiece_model.proto` of google/sentencepiece.
public struct SentencePieceModel: Sendable {
    public struct Piece: Sendable {
        public let text: String
        /// The logarithm of its probability.
        public let score: Float
        public let kind: Kind
    }

    public enum Kind: Int, Sendable {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    public enum Algorithm: Int, Sendable {
        case unigram = 1
        case bytePair = 2
        case word = 3
        case character = 4
    }

    public let name: String
    public private(set) var pieces: [Piece] = []
    public private(set) var algorithm = Algorithm.unigram
    /// The table of replacements, in SentencePiece's own form; empty for none.
    public private(set) var characterMap: [UInt8] = []
    public private(set) var addsDummyPrefix = true
    public private(set) var removesExtraWhitespace = true
    public private(set) var escapesWhitespace = true
    public private(set) var treatsWhitespaceAsSuffix = false

    /// Larger than any vocabulary.
    private static let maximumSize = 1 << 27

    public init(path: String) throws(ModelFileError) { try self.init(MappedFile(path: path)) }

    /// Reads a file that is already mapped, or bytes in memory.
    public init(_ file: MappedFile) throws(ModelFileError) {
        guard file.count <= Self.maximumSize else {
            throw .unsupported(file: file.name, detail: "is larger than \(Self.maximumSize >> 20) MiB, which no SentencePiece model is")
        }
        defer { withExtendedLifetime(file) {} }
        name = file.name
        var reader = ProtobufReader(file, 0..<file.count)
        while let (field, value) = try reader.next() {
            guard case .bytes(let range) = value else { continue }
            switch field {
            case 1: pieces.append(try Self.piece(file, range, number: pieces.count))
            case 2: try readTrainer(file, range)
            case 3: try readNormalizer(file, range)
            default: break
            }
        }
        guard !pieces.isEmpty else { throw .malformed(file: file.name, detail: "has no pieces, and so is no SentencePiece model") }
    }

    private static func piece(_ file: MappedFile, _ range: Range<Int>, number: Int) throws(ModelFileError) -> Piece {
        var reader = ProtobufReader(file, range)
        var text: String?
        var score: Float = 0
        var kind = Kind.normal
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let range)): text = String(validating: file.bytes[range], as: UTF8.self)
            case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
            case (3, .integer(let number)):
                guard let known = Int(exactly: number).flatMap(Kind.init(rawValue:)) else {
                    throw reader.malformed("a piece is of the unknown kind \(number)")
                }
                kind = known
            default: break
            }
        }
        guard let text, !text.isEmpty, score.isFinite else {
            throw .malformed(file: file.name, detail: "the piece \(number) has no text, or no finite score")
        }
        return Piece(text: text, score: score, kind: kind)
    }

    private mutating func readTrainer(_ file: MappedFile, _ range: Range<Int>) throws(ModelFileError) {
        var reader = ProtobufReader(file, range)
        while let (field, value) = try reader.next() {
            guard case .integer(let number) = value else { continue }
            switch field {
            case 3:
                guard let known = Int(exactly: number).flatMap(Algorithm.init(rawValue:)) else {
                    throw reader.malformed("the model is of the unknown type \(number)")
                }
                algorithm = known
            case 24: treatsWhitespaceAsSuffix = number != 0
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ file: MappedFile, _ range: Range<Int>) throws(ModelFileError) {
        var reader = ProtobufReader(file, range)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .bytes(let range)): characterMap = Array(file.bytes[range])
            case (3, .integer(let number)): addsDummyPrefix = number != 0
            case (4, .integer(let number)): removesExtraWhitespace = number != 0
            case (5, .integer(let number)): escapesWhitespace = number != 0
            default: break
            }
        }
    }
}
