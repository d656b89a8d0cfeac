import Foundation
import ModelFiles
import Tensors

/// An encoder with a head that says what a text is: `…ForSequenceClassification` of transformers.
public final class TextClassifier {
    /// How a label's number becomes its score.
    public enum Scoring: Sendable {
        /// One label holds: softmax over all.
        case oneOfAll
        /// Each holds or not, whatever the others do: the logistic function.
        case each
        /// The numbers themselves.
        case regression
    }

    public let encoder: TextEncoder
    /// In the order of the model's numbers.
    public let labels: [String]
    public let scoring: Scoring

    /// - Throws: ``ModelError`` for another kind of model, or a setting that Monge does not obey.
    public init(_ folder: HuggingFaceFolder, on backend: any Backend) throws {
        let family = try ArchitectureRegistry.textEncoder(of: folder)
        if let classes = try folder.config.strings(ifPresent: "architectures"), !classes.contains(family.classifierClass) {
            throw ModelError.unsupported(
                "the folder holds a \(classes.joined(separator: ", ")), which is no classifier of texts; expected \(family.classifierClass)"
            )
        }
        labels = try ClassifierLabels.read(folder.config)
        scoring = try Self.scoring(folder.config, labels: labels.count)
        encoder = try TextEncoder(folder, labels: labels.count, on: backend)
    }

    /// As the text classification pipeline of transformers does it.
    private static func scoring(_ config: JSONDocument, labels: Int) throws -> Scoring {
        switch try config.string(ifPresent: "problem_type") {
        case "regression": .regression
        case "multi_label_classification": .each
        // A single label's softmax would be 1 whatever the text.
        case "single_label_classification", nil: labels == 1 ? .each : .oneOfAll
        case let other?:
            throw ModelError.unsupportedSetting(
                key: "problem_type", value: "'\(other)'",
                meaning: "Monge knows single_label_classification, multi_label_classification and regression")
        }
    }

    /// `[texts, labels]` f32.
    /// - Parameter texts: The tokens of each, none empty.
    public func logits(_ texts: [[Int32]]) throws -> Tensor { try encoder.logits(encoder.states(of: texts)) }

    /// The score of each label, a row a text.
    public func scores(_ texts: [[Int32]]) throws -> [[Float]] {
        let backend = encoder.backend
        let logits = try logits(texts)
        let scores =
            switch scoring {
            case .oneOfAll: try backend.softmax(logits)
            case .each: try backend.activation(logits, .sigmoid)
            case .regression: logits
            }
        return try backend.readRows(scores)
    }
}

extension Backend {
    /// The numbers of `[rows, channels]` f32, a list a row.
    func readRows(_ x: Tensor) throws -> [[Float]] {
        let numbers = try readFloats(x)
        return stride(from: 0, to: numbers.count, by: x.shape.channels).map { Array(numbers[$0..<$0 + x.shape.channels]) }
    }
}
