import Foundation
import ModelFiles
import Models
import Pictures
import Tensors

/// A judge that is an image classifier in a Hugging Face folder (`ResNetForImageClassification` of transformers), run on a backend of Monge's.
///
/// Its verdicts have the folder's name as a label, whose value is the likeliest of the model's labels, and under that name and an s the probability of
/// each: a folder `style` gives `style` and `styles.lineart`.
public struct ClassifierJudge: PictureJudge {
    public let name: String
    private let classifier: ResNetClassifier
    private let prepare: PicturePreparation

    /// Pictures that are judged together.
    private static let batch = 16

    /// - Parameter path: A folder with config.json, preprocessor_config.json and model.safetensors.
    public init(_ path: String, on backend: any Backend) throws {
        name = URL(fileURLWithPath: path).lastPathComponent
        classifier = try ResNetClassifier(HuggingFaceFolder(path: path), on: backend)
        prepare = try PicturePreparation(JSONDocument(path: path + "/preprocessor_config.json"))
    }

    public func verdicts(of files: [String], in folder: String, progress: ProgressHandler?) throws -> [PictureVerdict] {
        try stride(from: 0, to: files.count, by: Self.batch).flatMap { first in
            let own = files[first..<min(first + Self.batch, files.count)]
            let verdicts = try probabilities(of: own.map { try Picture(path: "\(folder)/\($0)") }).map(verdict)
            try progress?(Progress(activity: "judging", done: first + own.count, total: files.count, unit: "pictures"))
            return verdicts
        }
    }

    /// The probability of each label, a row a picture.
    package func probabilities(of pictures: [Picture]) throws -> [[Float]] {
        let prepared = try pictures.map(prepare.callAsFunction)
        guard let first = prepared.first else { return [] }
        guard prepared.allSatisfy({ $0.width == first.width && $0.height == first.height }) else {
            return try pictures.flatMap { try probabilities(of: [$0]) }
        }
        let rows = try classifier.probabilities(
            classifier.backend.upload(prepared.flatMap(\.values), [pictures.count, first.height, first.width, 3]))
        guard rows.allSatisfy(\.isFinite) else { throw MongeError.failed("the judge \(name) gives numbers that are not finite") }
        return rows
    }

    private func verdict(_ probabilities: [Float]) -> PictureVerdict {
        let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
        let all = zip(classifier.labels, probabilities).map { JSONObject.Member(key: $0, value: .number(Double($1))) }
        return PictureVerdict(
            JSONObject(members: [
                .init(key: name, value: .string(classifier.labels[best])), .init(key: name + "s", value: .object(JSONObject(members: all))),
            ]))
    }
}
