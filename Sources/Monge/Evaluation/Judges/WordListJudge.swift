import Foundations

/// A judge that looks for words: 1 for a text with at least one of them.
public struct WordListJudge: TextJudge {
    public let name: String
    private let words: WordList

    public init(_ words: WordList, name: String = "words") {
        self.words = words
        self.name = name
    }

    public var identity: String {
        var hash = FNVHash()
        for word in words.words.sorted() { hash.add(word.utf8.map { $0 } + [0]) }
        return "words \(hash.text)"
    }

    public func judge(_ texts: [String], each: ([Double]) throws -> Void) throws {
        try each(texts.map { words.matches(in: $0).isEmpty ? 0 : 1 })
    }
}
