import Foundation
import Foundations
import ModelFiles

/// The questions of TruthfulQA (Lin et al., "TruthfulQA: Measuring How Models Mimic Human Falsehoods", 2022) with answers that are true and answers that are
/// not, from `mc_task.json` or from `TruthfulQA.csv`.
public struct TruthQuestions: Sendable {
    package struct Question: Sendable, Equatable {
        package var question: String
        /// One true answer and false ones.
        package var single: [Answer]
        /// All true answers and false ones.
        package var multiple: [Answer]
    }

    package struct Answer: Sendable, Equatable {
        package var text: String
        package var isTrue: Bool
    }

    package let questions: [Question]
    /// Of the file.
    let hash: String

    /// - Parameter limit: Only so many, from the first on.
    public init(path: String, limit: Int? = nil) throws {
        let isTable = ["csv", "tsv"].contains((path as NSString).pathExtension.lowercased())
        let all = try isTable ? Self.table(path) : Self.task(path)
        guard !all.isEmpty else { throw ModelFileError.malformed(file: path, detail: "has no questions in it") }
        questions = limit.map { Array(all.prefix($0)) } ?? all
        let file = try MappedFile(path: path)
        hash = withExtendedLifetime(file) { FNVHash(file.bytes).text }
    }

    /// `mc_task.json`: `{question, mc1_targets: {answer: 0 or 1}, mc2_targets}` in an array.
    private static func task(_ path: String) throws -> [Question] {
        guard let entries = try JSONParser.parse(MappedFile(path: path)).array else {
            throw ModelFileError.malformed(file: path, detail: "the JSON is not an array of questions")
        }
        return try entries.enumerated().map { index, entry in
            func wrong(_ detail: String) -> ModelFileError { .malformed(file: path, detail: "question \(index + 1) \(detail)") }
            guard let question = entry["question"]?.string else { throw wrong("has no text under 'question'") }
            func answers(_ key: String) throws -> [Answer] {
                guard let targets = entry[key]?.object else { throw wrong("has no answers under '\(key)'") }
                let answers = try targets.members.map { member in
                    guard let label = member.value.integer, (0...1).contains(label) else {
                        throw wrong("has a label under '\(key)' that is neither 0 nor 1")
                    }
                    return Answer(text: member.key, isTrue: label == 1)
                }
                try check(answers) { wrong("has \($0) under '\(key)'") }
                return answers
            }
            return Question(question: question, single: try answers("mc1_targets"), multiple: try answers("mc2_targets"))
        }
    }

    /// `TruthfulQA.csv`: answers between semicolons, each given a full stop, the best one by itself.
    private static func table(_ path: String) throws -> [Question] {
        let (question, best, right, wrong) = ("Question", "Best Answer", "Correct Answers", "Incorrect Answers")
        return try TextTable(path: path).records(with: [question, best, right, wrong]).enumerated().map { index, record in
            func sentence(_ text: some StringProtocol) -> String {
                let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
                return text.hasSuffix(".") ? text : text + "."
            }
            func answers(_ column: String, _ isTrue: Bool) -> [Answer] {
                record[column]!.split(separator: ";").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter { !$0.isEmpty }
                    .map { Answer(text: sentence($0), isTrue: isTrue) }
            }
            let single = [Answer(text: sentence(record[best]!), isTrue: true)] + answers(wrong, false)
            let multiple = answers(right, true) + answers(wrong, false)
            for answers in [single, multiple] {
                try check(answers) { .malformed(file: path, detail: "question \(index + 1) has \($0)") }
            }
            return Question(question: record[question]!, single: single, multiple: multiple)
        }
    }

    /// Refuses answers of one kind alone: there is nothing to choose.
    private static func check(_ answers: [Answer], _ error: (String) -> ModelFileError) throws {
        for isTrue in [true, false] where !answers.contains(where: { $0.isTrue == isTrue }) {
            throw error("no \(isTrue ? "true" : "false") answer")
        }
    }

    /// The fold of a question, by its place: the first, third, … are in the first.
    static func fold(_ index: Int) -> Int { index % 2 }

    /// Sentences to fit a map with that moves false answers towards true ones, of questions outside of a fold: question and answer as the reference has them,
    /// and as many false ones as true ones of each question.
    /// - Parameter fold: 0 or 1: the questions that the map is to be judged by.
    public func sentences(outside fold: Int) -> (source: [String], target: [String]) {
        let others = questions.enumerated().filter { Self.fold($0.offset) != fold }.map(\.element)
        func sentences(_ isTrue: Bool) -> [String] {
            others.flatMap { question in
                let count = [true, false].map { kind in question.multiple.count { $0.isTrue == kind } }.min()!
                return question.multiple.filter { $0.isTrue == isTrue }.prefix(count).map { "Q: \(question.question)\n\nA: \($0.text)" }
            }
        }
        return (sentences(false), sentences(true))
    }
}
