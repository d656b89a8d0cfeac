import Foundation
import ModelFiles
import Monge
import TestSupport
import Testing

/// Judges that are encoders, against the text classification pipeline of transformers (tools/parity/make_encoders.py).
@Suite struct EncoderJudgeTests {
    private struct Judged: Decodable {
        let texts: [String]
        let scores: [String: [[Double]]]
        let cosines: [Double]
    }

    private let judged: Judged
    /// Probabilities and cosines of what agrees to 2e-5 (``EncoderParityTests``).
    private static let tolerance = 4e-5

    init() throws { judged = try JSONDecoder().decode(Judged.self, from: fixture("encoders/judged.json")) }

    /// A folder with a tokenizer beside the weights.
    private func withFolder<T>(_ name: String, _ body: (String) throws -> T) throws -> T {
        try EncoderParityTests.withFolder(name) { folder in
            try fixture("encoders/vocab.txt").write(to: URL(filePath: folder.name + "/vocab.txt"))
            return try body(folder.name)
        }
    }

    private func scores(_ judge: any TextJudge, _ texts: [String]? = nil) throws -> [Double] {
        var scores: [Double] = []
        try judge.judge(texts ?? judged.texts) { scores += $0 }
        return scores
    }

    private func expect(_ found: [Double], _ expected: [Double]) {
        #expect(found.count == expected.count)
        for (index, (found, expected)) in zip(found, expected).enumerated() {
            #expect(abs(found - expected) <= Self.tolerance, "text \(index): \(found), expected \(expected)")
        }
    }

    @Test(arguments: ["bert", "bert-many"], EncoderParityTests.devices)
    func classifiersScoreAsThePipelineDoes(name: String, device: DeviceChoice) throws {
        try withFolder(name) { path in
            let labels = name == "bert" ? ["neutral", "toxic"] : ["toxic", "obscene", "insult"]
            for (column, label) in labels.enumerated() {
                var warnings: [String] = []
                let judge = try TextClassifierJudge(path, label: label, on: device.open()) { warnings.append($0) }
                try expect(scores(judge), judged.scores[name]!.map { $0[column] })
                #expect(judge.name.hasSuffix(" " + label) && judge.identity.contains("label '\(label)'"))
                #expect(
                    warnings.count == 1 && warnings[0].contains("reads the first 40 tokens of a text: 1 of 10 texts is longer"),
                    "\(warnings)")
            }
        }
    }

    /// Many texts come in their order, in batches of like lengths.
    @Test func manyTextsKeepTheirOrder() throws {
        try withFolder("bert") { path in
            let judge = try TextClassifierJudge(path, label: "toxic", name: "rude", on: DeviceChoice.cpu.open())
            #expect(judge.name == "rude")
            let order = (0..<600).map { ($0 * 7) % judged.texts.count }
            var parts: [Int] = []
            var found: [Double] = []
            try judge.judge(order.map { judged.texts[$0] }) {
                parts.append($0.count)
                found += $0
            }
            expect(found, order.map { judged.scores["bert"]![$0][1] })
            #expect(parts == [256, 256, 88])
        }
    }

    @Test func labelsHaveToBeNamed() throws {
        try withFolder("bert") { path in
            for (label, message) in [
                (nil, "has the labels neutral, toxic"), ("rude", "has no label 'rude'; its labels are neutral, toxic"),
            ] {
                let error = #expect(throws: MongeError.self) {
                    _ = try TextClassifierJudge(path, label: label, on: DeviceChoice.cpu.open())
                }
                #expect(error.map { "\($0)" }?.contains(message) == true && error?.isUsage == true, "\(String(describing: error))")
            }
        }
        try withFolder("bert-single") { path in
            let found = try scores(TextClassifierJudge(path, on: DeviceChoice.cpu.open()))
            #expect(found.count == judged.texts.count && found.allSatisfy { $0 > 0 && $0 < 1 })
        }
    }

    /// A regression's number counts as it is; one far from 0 to 1 is an error.
    @Test func regressionsHaveToBeFromZeroToOne() throws {
        try withFolder("bert-regression") { path in
            let judge = try TextClassifierJudge(path, on: DeviceChoice.cpu.open())
            let expected = judged.scores["bert-regression"]!.map { $0[0] }
            let near = expected.indices.filter { (-0.45...1.45).contains(expected[$0]) }
            #expect(near.count >= 3 && near.contains { expected[$0] < 0 } && near.contains { expected[$0] > 0 })
            try expect(scores(judge, near.map { judged.texts[$0] }), near.map { max(expected[$0], 0) })
            let error = #expect(throws: MongeError.self) { _ = try scores(judge) }
            #expect(error.map { "\($0)" }?.contains("is a regression and gives -1.0") == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: EncoderParityTests.devices) func embeddingsAreCompared(device: DeviceChoice) throws {
        try withFolder("bert-alone") { path in
            let judge = try EmbeddingJudge(path, text: judged.texts[0], on: device.open())
            try expect(scores(judge), judged.cosines)
            #expect(judge.name == judged.texts[0] && judge.identity.contains(judged.texts[0]))
            #expect(throws: MongeError.self) { _ = try EmbeddingJudge(path, text: " ", on: device.open()) }
        }
    }

    @Test func folderWithoutATokenizerIsRefused() throws {
        let error = try EncoderParityTests.withFolder("bert") { folder in
            #expect(throws: ModelFileError.self) { _ = try TextClassifierJudge(folder.name, label: "toxic", on: DeviceChoice.cpu.open()) }
        }
        #expect(error.map { "\($0)" }?.contains("tokenizer.json") == true, "\(String(describing: error))")
    }
}
