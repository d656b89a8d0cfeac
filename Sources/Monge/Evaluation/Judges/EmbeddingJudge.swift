import Foundation
import ModelFiles
import Models
import Tensors

/// A judge that compares texts with one that says what is looked for: the cosine between their embeddings, by an encoder in a folder of
/// sentence-transformers, run on a backend of Monge's. Where texts point away from it the score is 0.
public struct EmbeddingJudge: TextJudge {
    public let name: String
    private let encoder: SentenceEncoder
    private let reader: TextReader
    private let wanted: [Float]
    private let text: String
    private let folder: String

    /// - Parameters:
    ///   - path: A folder with config.json, model.safetensors, the tokenizer's files and, where there are some, those of sentence-transformers.
    ///   - text: What texts are compared with.
    ///   - name: Nil for the text.
    ///   - warn: Told, in a sentence, of texts that are longer than the encoder reads.
    public init(
        _ path: String, text: String, name: String? = nil, on backend: any Backend, warn: @escaping (String) -> Void = { _ in }
    ) throws {
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw MongeError.usage("there is no text for \(path) to compare with: \(path)#TEXT")
        }
        let folder = try HuggingFaceFolder(path: path)
        encoder = try SentenceEncoder(folder, on: backend)
        self.name = name ?? text.beginning
        self.text = text
        self.folder = URL(fileURLWithPath: path).lastPathComponent
        reader = try TextReader(folder, limit: encoder.maximumTokens, name: "the judge \(self.name)", warn: warn)
        let (tokens, isCut) = reader.tokens(of: text)
        if isCut { warn("\(path) reads the first \(reader.limit) tokens of the text that others are compared with, which is longer") }
        wanted = try encoder.embeddings([tokens])[0]
        guard wanted.allSatisfy(\.isFinite) else { throw MongeError.failed("the encoder \(path) gives numbers that are not finite") }
    }

    public var identity: String {
        "embedding \(folder) (\(encoder.encoder.fingerprint)) of '\(text)' by the first \(reader.limit) tokens"
    }

    public func judge(_ texts: [String], each: ([Double]) throws -> Void) throws {
        try reader.read(texts, encode: { try encoder.embeddings($0) }) { rows in
            try each(
                rows.map { row in
                    let cosine = Self.cosine(row, wanted)
                    guard cosine.isFinite else { throw MongeError.failed("the judge \(name) gives numbers that are not finite") }
                    return min(max(cosine, 0), 1)
                })
        }
    }

    private static func cosine(_ x: [Float], _ y: [Float]) -> Double {
        func product(_ x: [Float], _ y: [Float]) -> Double { zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        let lengths = (product(x, x) * product(y, y)).squareRoot()
        return lengths == 0 ? 0 : product(x, y) / lengths
    }
}
