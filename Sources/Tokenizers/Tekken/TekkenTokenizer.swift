import Foundation
import ModelFiles

/// The tokenizer of Mistral's `tekken.json`: byte-pair encoding over bytes, where the two neighbours are joined whose bytes together have the lowest
/// rank.
///
/// Source: mistral-common's `Tekkenizer` and OpenAI's tiktoken, which it runs.
public final class TekkenTokenizer: Tokenizer {
    public let beginOfSequence: Int32?
    public let endOfSequence: Int32?
    public let stopTokens: Set<Int32>
    public let prefix: [Int32]
    public let suffix: [Int32] = []
    /// Control tokens come first; the others follow by rank.
    private let controls: [String]
    private let pieces: [[UInt8]]
    private let numbers: ByteStringTable
    private let merger: PieceMerger
    private let addedTokens: AddedTokens
    private let preTokenizer: PreTokenizer

    /// Those of files that name none.
    private static let usualControls = [
        "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
        "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]",
        "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
    ]

    /// More than any vocabulary has.
    private static let counts = 0...1 << 24

    /// - Parameter stopNumbers: Tokens that end a text beside `</s>`.
    /// - Throws: ``ModelFileError`` when something is missing or contradicts itself, or the pattern is not known.
    public init(_ document: JSONDocument, stopNumbers: [Int] = []) throws(ModelFileError) {
        func malformed(_ detail: String) -> ModelFileError { .malformed(file: document.name, detail: detail) }
        let pattern = try document.string("config.pattern")
        guard let known = TokenizerJSON.patterns[pattern] else {
            throw .unsupported(file: document.name, detail: "the pattern that cuts text into words is none of those known")
        }
        preTokenizer = known
        let size = try document.integer("config.default_vocab_size")
        let controlCount = try document.integer("config.default_num_special_tokens")
        guard let entries = document.value("vocab")?.array else {
            throw .missingKey(file: document.name, key: "vocab", expected: "an array")
        }
        guard Self.counts.contains(size), Self.counts.contains(controlCount), size > controlCount, size - controlCount <= entries.count
        else {
            throw malformed("has \(entries.count) pieces, but is to have \(size) tokens and \(controlCount) of them special")
        }
        controls = try Self.controls(document, count: controlCount)
        var pieces: [[UInt8]] = []
        for (rank, entry) in entries.prefix(size - controlCount).enumerated() {
            guard entry["rank"]?.integer == rank, let text = entry["token_bytes"]?.string, let bytes = Data(base64Encoded: text),
                !bytes.isEmpty
            else { throw malformed("the piece \(rank) is not of bytes in base 64 with its rank") }
            pieces.append(Array(bytes))
        }
        var numbers = ByteStringTable(minimumCapacity: pieces.count)
        for (rank, bytes) in pieces.enumerated() {
            let first = bytes.withUnsafeBytes { numbers.insert($0, Int32(rank + controlCount)) }
            if let first { throw malformed("the pieces \(Int(first) - controlCount) and \(rank) are of the same bytes") }
        }
        guard (0...255).allSatisfy({ numbers.find([UInt8($0)]) != nil }) else { throw malformed("has no piece for some bytes") }
        self.pieces = pieces
        self.numbers = numbers
        let scores = (0..<size).map { -Float($0) }
        merger = PieceMerger(numbers: numbers, order: .scores(scores), isOverBytes: true, bytes: [], unknown: nil, fusesUnknown: false)
        addedTokens = AddedTokens(
            controls.enumerated().map { AddedTokens.Entry(text: Array($1.utf8), number: Int32($0), isSpecial: true) })
        beginOfSequence = controls.firstIndex(of: "<s>").map(Int32.init)
        endOfSequence = controls.firstIndex(of: "</s>").map(Int32.init)
        prefix = [beginOfSequence].compactMap { $0 }
        stopTokens = Set(stopNumbers.filter((0..<size).contains).map(Int32.init) + [endOfSequence].compactMap { $0 })
    }

    /// The names of the control tokens, by number; those without a name are called by it.
    private static func controls(_ document: JSONDocument, count: Int) throws(ModelFileError) -> [String] {
        func malformed(_ detail: String) -> ModelFileError { .malformed(file: document.name, detail: detail) }
        var names: [String?] = []
        if let stated = document.value("special_tokens")?.array {
            names = [String?](repeating: nil, count: count)
            for token in stated {
                guard let rank = token["rank"]?.integer, let text = token["token_str"]?.string, !text.isEmpty, names.indices.contains(rank)
                else {
                    throw malformed("a special token lacks its name, or a rank below \(count)")
                }
                names[rank] = text
            }
        } else {
            names = Array(usualControls.prefix(count))
            names += [String?](repeating: nil, count: count - names.count)
        }
        let controls = names.enumerated().map { $1 ?? "<SPECIAL_\($0)>" }
        guard Set(controls).count == count else { throw malformed("two special tokens have one name") }
        return controls
    }

    public var vocabularySize: Int { controls.count + pieces.count }

    public func token(_ text: String) -> Int32? { controls.firstIndex(of: text).map(Int32.init) ?? numbers.find(text) }

    public func kind(_ token: Int32) -> TokenKind? {
        (0..<vocabularySize).contains(Int(token)) ? Int(token) < controls.count ? .control : .normal : nil
    }

    public func bytes(of token: Int32, isFirst: Bool) -> [UInt8] {
        switch kind(token) {
        case nil: []
        case .control: Array(controls[Int(token)].utf8)
        default: pieces[Int(token) - controls.count]
        }
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var output = addSpecial ? prefix : []
        var session = EncodingSession()
        let bytes = Array(text.utf8)
        for segment in addedTokens.segments(of: bytes, parsingSpecial: parseSpecial) {
            switch segment {
            case .token(let token): output.append(token)
            case .text(let range): encode(bytes[range], &output, &session)
            }
        }
        return output
    }

    private func encode(_ bytes: ArraySlice<UInt8>, _ output: inout [Int32], _ session: inout EncodingSession) {
        let text = ScalarText(String(decoding: bytes, as: UTF8.self))
        bytes.withUnsafeBytes { bytes in
            preTokenizer.forEachWord(in: text) { range in
                let word = UnsafeRawBufferPointer(rebasing: bytes[text.offsets[range.lowerBound]..<text.offsets[range.upperBound]])
                session.append(word, to: &output) { word, tokens, work in
                    // A word that is a piece is one, however it would be put together.
                    if let token = numbers.find(word) { return tokens.append(token) }
                    merger.encode(Array(word)[...], into: &tokens, &work)
                }
            }
        }
    }
}
