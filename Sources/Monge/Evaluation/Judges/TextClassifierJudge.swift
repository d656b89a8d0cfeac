import Foundation
import ModelFiles
import Models
import Tensors

/// A judge that is a classifier of texts in a Hugging Face folder, run on a backend of Monge's: the score of one of its labels.
///
/// It is the probability of the label among all or, where a model's labels hold each by itself, of that label alone. The number of a regression is taken
/// as it is: a little beyond 0 or 1 it counts as that, and far beyond is an error.
public struct TextClassifierJudge: TextJudge {
    public let name: String
    private let classifier: TextClassifier
    private let label: Int
    private let reader: TextReader
    private let folder: String

    /// How far beyond 0 and 1 the number of a regression that was trained on 0 to 1 may be.
    private static let overshoot: Float = 0.5

    /// - Parameters:
    ///   - path: A folder with config.json, model.safetensors and the tokenizer's files.
    ///   - label: The label whose score is wanted; it may be nil where the model has one.
    ///   - name: Nil for the folder's name and the label.
    ///   - warn: Told, in a sentence, of texts that are longer than the classifier reads.
    public init(
        _ path: String, label: String? = nil, name: String? = nil, on backend: any Backend, warn: @escaping (String) -> Void = { _ in }
    ) throws {
        let folder = try HuggingFaceFolder(path: path)
        classifier = try TextClassifier(folder, on: backend)
        let labels = classifier.labels
        if let label {
            guard let index = labels.firstIndex(of: label) else {
                throw MongeError.usage("the classifier \(path) has no label '\(label)'; its labels are \(Self.list(labels))")
            }
            self.label = index
        } else {
            guard labels.count == 1 else {
                throw MongeError.usage(
                    "the classifier \(path) has the labels \(Self.list(labels)); say which one's score is wanted: \(path)#\(labels.last!)")
            }
            self.label = 0
        }
        self.folder = URL(fileURLWithPath: path).lastPathComponent
        self.name = name ?? (labels.count == 1 ? self.folder : "\(self.folder) \(labels[self.label])")
        reader = try TextReader(folder, limit: classifier.encoder.maximumTokens, name: "the judge \(self.name)", warn: warn)
    }

    private static func list(_ labels: [String]) -> String {
        labels.prefix(20).joined(separator: ", ") + (labels.count > 20 ? " and \(labels.count - 20) more" : "")
    }

    public var identity: String {
        "classifier \(folder) (\(classifier.encoder.fingerprint)) label '\(classifier.labels[label])' of the first \(reader.limit) tokens"
    }

    public func judge(_ texts: [String], each: ([Double]) throws -> Void) throws {
        try reader.read(texts, encode: { try classifier.scores($0) }) { rows in try each(rows.map { try score($0[label]) }) }
    }

    private func score(_ number: Float) throws -> Double {
        guard number.isFinite else { throw MongeError.failed("the judge \(name) gives numbers that are not finite") }
        guard (-Self.overshoot...1 + Self.overshoot).contains(number) else {
            throw MongeError.failed("the judge \(name) is a regression and gives \(number); a judge's numbers are from 0 to 1")
        }
        return Double(min(max(number, 0), 1))
    }
}
