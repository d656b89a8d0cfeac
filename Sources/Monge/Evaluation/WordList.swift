import Foundation
import ModelFiles

/// Words whose appearance counts a text as on topic.
public struct WordList: Sendable, Equatable {
    public let words: Set<String>

    /// - Throws: ``MongeError/usage(_:)`` when there are none, or for one that could never be found: texts are cut into words of letters,
    ///   hyphens and apostrophes.
    public init(_ words: some Sequence<String>) throws {
        let words = words.map { $0.trimmingCharacters(in: .whitespacesAndNewlines).lowercased() }.filter { !$0.isEmpty }
        guard !words.isEmpty else { throw MongeError.usage("the word list is empty") }
        if let word = words.first(where: { !$0.allSatisfy(WordList.isPartOfWord) }) {
            throw MongeError.usage(
                "'\(word.beginning)' in the word list is no single word of letters, hyphens and apostrophes, and would never be found")
        }
        self.words = Set(words)
    }

    /// Reads one word a line.
    public init(contentsOf url: URL) throws {
        let lines: [String]
        do {
            lines = try SentenceFile.lines(ofTextAt: url.path)
        } catch .otherKind(let file, let found, _) {
            throw ModelFileError.otherKind(file: file, found: found, expected: .words)
        }
        do { try self.init(lines) } catch MongeError.usage(let detail) { throw MongeError.usage("\(url.path): \(detail)") }
    }

    private static func isPartOfWord(_ character: Character) -> Bool { character.isLetter || character == "-" || character == "'" }

    /// The words of the list in a text, whole words only, in any case.
    public func matches(in text: String) -> [String] {
        text.lowercased().split { !WordList.isPartOfWord($0) }.map(String.init).filter(words.contains)
    }

    /// The share of texts with at least one word of the list.
    public func share(of texts: [String]) -> Double {
        texts.isEmpty ? 0 : Double(texts.count { !matches(in: $0).isEmpty }) / Double(texts.count)
    }
}
