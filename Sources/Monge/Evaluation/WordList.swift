import Foundation

/// Words whose appearance counts a text as on topic.
public struct WordList: Sendable, Equatable {
    public let words: Set<String>

    /// - Throws: ``MongeError/usage(_:)`` when there are none.
    public init(_ words: some Sequence<String>) throws {
        self.words = Set(words.map { $0.trimmingCharacters(in: .whitespacesAndNewlines).lowercased() }.filter { !$0.isEmpty })
        guard !self.words.isEmpty else { throw MongeError.usage("the word list is empty") }
    }

    /// Reads one word a line.
    public init(contentsOf url: URL) throws {
        guard let text = try? String(contentsOf: url, encoding: .utf8) else {
            throw MongeError.usage("\(url.path) cannot be read as UTF-8 text")
        }
        try self.init(text.split(whereSeparator: \.isNewline).map(String.init))
    }

    /// The words of the list in a text, whole words only, in any case.
    public func matches(in text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && $0 != "-" && $0 != "'" }.map(String.init).filter(words.contains)
    }

    /// The share of texts with at least one word of the list.
    public func share(of texts: [String]) -> Double {
        texts.isEmpty ? 0 : Double(texts.count { !matches(in: $0).isEmpty }) / Double(texts.count)
    }
}
