import Foundation
import ModelFiles
import Models
import Tokenizers

/// Texts as an encoder reads them: their tokens, cut where they are longer than it reads, and in batches of like lengths.
struct TextReader {
    private let tokenizer: any Tokenizer
    /// The most tokens of a text.
    let limit: Int
    /// Whose texts these are, for messages.
    private let name: String
    private let warn: (String) -> Void

    /// Texts whose results are handed on together.
    private static let together = 256
    /// Tokens of a batch, unless a single text has more: enough to fill matrix products.
    private static let rows = 4096

    /// - Parameters:
    ///   - limit: What the encoder reads; the tokenizer's settings may say less.
    ///   - warn: Told, in a sentence, of texts that were cut.
    init(_ folder: HuggingFaceFolder, limit: Int, name: String, warn: @escaping (String) -> Void) throws {
        tokenizer = try folder.tokenizer()
        guard !tokenizer.prefix.isEmpty else {
            throw MongeError.failed("the tokenizer of \(folder.name) puts no token before a text, which an encoder reads a text by")
        }
        self.limit = min(limit, try folder.maximumTextLength() ?? .max)
        guard self.limit > tokenizer.prefix.count + tokenizer.suffix.count else {
            throw MongeError.failed("\(folder.name) reads texts of at most \(self.limit) tokens, which leaves no room for any")
        }
        self.name = name
        self.warn = warn
    }

    /// The tokens of a text, and whether it was cut.
    func tokens(of text: String) -> (tokens: [Int32], isCut: Bool) { tokenizer.encode(text, atMost: limit) }

    /// Has texts encoded.
    /// - Parameters:
    ///   - encode: A result for each of some texts, by their tokens.
    ///   - each: Called with the results of the next texts, in their order.
    func read<Result>(
        _ texts: [String], encode: ([[Int32]]) throws -> [Result], each: ([Result]) throws -> Void
    ) throws {
        var cut = 0
        for first in stride(from: 0, to: texts.count, by: Self.together) {
            let own = texts[first..<min(first + Self.together, texts.count)].map(tokens)
            cut += own.count(where: \.isCut)
            var results = [Result?](repeating: nil, count: own.count)
            for batch in Self.batches(own.map(\.tokens.count)) {
                for (index, result) in zip(batch, try encode(batch.map { own[$0].tokens })) { results[index] = result }
            }
            try each(results.map { $0! })
        }
        if cut > 0 {
            warn("\(name) reads the first \(limit) tokens of a text: \(cut) of \(texts.count) texts \(cut == 1 ? "is" : "are") longer")
        }
    }

    /// The texts of each batch, those of like lengths together.
    static func batches(_ lengths: [Int]) -> [[Int]] {
        var batches: [[Int]] = []
        var rows = 0
        for index in lengths.indices.sorted(by: { (lengths[$0], $0) < (lengths[$1], $1) }) {
            if batches.isEmpty || rows + lengths[index] > Self.rows {
                batches.append([])
                rows = 0
            }
            batches[batches.count - 1].append(index)
            rows += lengths[index]
        }
        return batches
    }
}
