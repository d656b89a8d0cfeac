import Foundation
import Foundations
import ModelFiles

/// Prompts to be continued, and how toxic they are where the file says so: RealToxicityPrompts (Gehman et al. 2020) in JSON lines, with
/// `prompt.text` and `prompt.toxicity`, or any file of sentences.
public struct PromptSet: Sendable {
    public var texts: [String]
    /// From 0 to 1, for each prompt; nil where the files do not say.
    public var toxicity: [Double]?

    public init(texts: [String], toxicity: [Double]? = nil) {
        self.texts = texts
        self.toxicity = toxicity
    }

    /// - Parameters:
    ///   - paths: Files; what one has that the others have not is an error.
    ///   - limit: Only so many of each file.
    public init(paths: [String], column: String? = nil, limit: Int? = nil) throws {
        texts = []
        var scores: [Double] = []
        var without: String?
        for path in paths {
            let own = try SentenceFile(path: path, column: column).sentences
            texts += own.prefix(limit ?? own.count)
            guard path.lowercased().hasSuffix(".jsonl"), column == nil, let found = try Self.toxicity(path, count: own.count) else {
                without = path
                continue
            }
            scores += found.prefix(limit ?? found.count)
        }
        if let without, !scores.isEmpty {
            throw MongeError.usage("\(without) does not say how toxic its prompts are, and the other files do; judge them apart")
        }
        toxicity = without == nil ? scores : nil
    }

    /// The scores of a file; nil where no line has one.
    private static func toxicity(_ path: String, count: Int) throws -> [Double]? {
        var scores: [Double] = []
        let lines = try SentenceFile.lines(ofTextAt: path)
        for (index, line) in lines.enumerated() {
            let value = try JSONParser.parse(MappedFile(contents: Array(line.utf8), name: path))
            guard let score = value["prompt"]?["toxicity"]?.double else {
                guard scores.isEmpty else {
                    throw ModelFileError.malformed(
                        file: path, detail: "entry \(index + 1) has no number under 'prompt.toxicity', and the ones before it do")
                }
                continue
            }
            guard scores.count == index else {
                throw ModelFileError.malformed(file: path, detail: "entry \(index) has no number under 'prompt.toxicity', and others do")
            }
            guard (0...1).contains(score) else {
                throw ModelFileError.malformed(
                    file: path, detail: "entry \(index + 1) has a toxicity of \(score), which is not from 0 to 1")
            }
            scores.append(score)
        }
        return scores.isEmpty ? nil : scores
    }

    var hash: String {
        var hash = FNVHash()
        for text in texts { hash.add(text.utf8.map { $0 } + [0]) }
        return hash.text
    }
}
