import Foundation
import Monge
import Testing

/// MMLU and TruthfulQA against EleutherAI's lm-evaluation-harness over transformers with the same weights (tools/parity/make_choices.py).
///
/// The questions are not among the fixtures: `MONGE_TEST_DATA` names a folder with mmlu/{dev,test} and truthfulqa_mc_task.json, and without it these tests are skipped.
@Suite(.serialized) struct ChoiceParityTests {
    private struct Fixture: Decodable {
        struct Truth: Decodable { var mc1, mc2: [[Double]], mass: [Double] }
        struct Accuracy: Decodable { var mmlu: [String: Double], mc1, mc2: Double }
        var mmlu: [String: [[Double]]]
        var truthfulqa: Truth
        var accuracy: Accuracy
    }

    private static let data = ProcessInfo.processInfo.environment["MONGE_TEST_DATA"]
    private static let skipped: Comment = "MONGE_TEST_DATA names no folder with mmlu/ and truthfulqa_mc_task.json"

    private func fixture() throws -> Fixture {
        try JSONDecoder().decode(
            Fixture.self, from: Data(contentsOf: TestModel.fixtures.appendingPathComponent("smollm2/choices.json")))
    }

    /// Of the log-likelihood of one token. The harness computes in Float32, in another order of sums: logits, and with them the sum over the vocabulary, are off by up to 1.5e-4 each over
    /// 20 tokens (README), and by three times that are let be over the hundreds of tokens here.
    private let tokenTolerance = 1e-3

    /// Of what answers of up to 20 tokens add up to.
    private var answerTolerance: Double { 20 * tokenTolerance }

    private func choice(_ values: [Double]) -> Int { values.indices.max { values[$0] < values[$1] }! }

    @Test(.enabled(if: data != nil, skipped)) func examsAgree() throws {
        let fixture = try fixture()
        let model = try TestModel.load(.cpu)
        let subjects = fixture.mmlu.keys.sorted()
        let count = try #require(fixture.mmlu[subjects[0]]).count
        let exam = try ExamEvaluation(#require(Self.data) + "/mmlu", subjects: subjects, limit: count)
        var records: [EvaluationRecord] = []
        for (part, subject) in subjects.enumerated() {
            var record = EvaluationRecord(key: .init(measure: "mmlu", part: subject, maps: "", strength: 0))
            try exam.measure(part, EvaluationVariant(series: nil, strength: 0), on: model, into: &record) { _ in }
            let expected = try #require(fixture.mmlu[subject])
            let own = try #require(record.options)
            #expect(own.count == expected.count)
            for (own, expected) in zip(own, expected) {
                #expect(zip(own, expected).allSatisfy { abs($0 - $1) < tokenTolerance }, "\(subject): \(own), expected \(expected)")
                #expect(choice(own) == choice(expected), "\(subject): \(own), expected \(expected)")
            }
            records.append(record)
        }
        let metrics = try exam.metrics(records, reference: records)
        for subject in subjects {
            let own = try #require(metrics.first { $0.name == "MMLU \(subject)" })
            #expect(abs(own.value - fixture.accuracy.mmlu[subject]!) < 1e-12)
        }
    }

    @Test(.enabled(if: data != nil, skipped)) func truthsAgree() throws {
        let fixture = try fixture()
        let model = try TestModel.load(.cpu)
        let count = fixture.truthfulqa.mc1.count
        let questions = try TruthQuestions(path: #require(Self.data) + "/truthfulqa_mc_task.json", limit: count)
        let truth = TruthEvaluation(questions, limit: count)
        var records: [EvaluationRecord] = []
        for part in truth.parts.indices {
            var record = EvaluationRecord(key: .init(measure: "truthfulqa", part: "\(part)", maps: "", strength: 0))
            try truth.measure(part, EvaluationVariant(series: nil, strength: 0), on: model, into: &record) { _ in }
            records.append(record)
        }
        let outcomes = truth.outcomes(records)
        // Fold by fold: the first, third, … questions, then the others.
        let order = (0..<count).filter { $0 % 2 == 0 } + (0..<count).filter { $0 % 2 == 1 }
        for (outcome, index) in zip(outcomes, order) {
            let (single, multiple) = (fixture.truthfulqa.mc1[index], fixture.truthfulqa.mc2[index])
            #expect(outcome.single == (choice(single) == 0), "question \(index + 1)")
            let question = questions.questions[index]
            #expect(outcome.choice == question.multiple[choice(multiple)].text, "question \(index + 1)")
            #expect(outcome.multiple == question.multiple[choice(multiple)].isTrue)
            #expect(abs(outcome.mass - fixture.truthfulqa.mass[index]) < answerTolerance, "question \(index + 1)")
        }
        let metrics = truth.metrics(records, reference: records)
        #expect(abs(metrics[0].value - fixture.accuracy.mc1) < 1e-12 && abs(metrics[1].value - fixture.accuracy.mc2) < answerTolerance)
    }
}
