import Foundation
import Foundations
import ModelFiles

/// The subjects of a folder of MMLU: `dev` with the examples and `test` with the questions, a file a subject.
package struct ExamFolder {
    package struct Subject {
        /// The file's name, without `_dev`, `_test` and the suffix.
        package var name: String
        package var examples: [ExamTable.Question]
        package var questions: [ExamTable.Question]
    }

    package var subjects: [Subject]
    /// Of all files read.
    package let hash: String

    /// - Parameters:
    ///   - names: The subjects that are wanted; empty for all.
    ///   - shots: The examples before each question.
    ///   - limit: Only so many questions of each subject.
    package init(path: String, subjects names: [String], shots: Int, limit: Int?) throws {
        func tables(_ part: String) throws -> [String: String] {
            let folder = "\(path)/\(part)"
            let files: [String]
            do {
                files = try FileManager.default.contentsOfDirectory(atPath: folder)
            } catch {
                throw MongeError.usage("\(path) is no folder of MMLU: it has no folder '\(part)' that can be read")
            }
            var tables: [String: String] = [:]
            for file in files where file.hasSuffix(".csv") {
                let name = String(file.dropLast(4))
                let suffix = "_\(part)"
                tables[name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name] = "\(folder)/\(file)"
            }
            return tables
        }
        let tests = try tables("test")
        let examples = shots > 0 ? try tables("dev") : [:]
        guard !tests.isEmpty else { throw MongeError.usage("\(path)/test has no .csv file with questions") }
        for name in names where tests[name] == nil {
            throw MongeError.usage("\(path)/test has no subject '\(name)'; its subjects are \(tests.keys.sorted().joined(separator: ", "))")
        }
        var hash = FNVHash()
        func read(_ file: String) throws -> [ExamTable.Question] {
            let table = try ExamTable(path: file)
            let mapped = try MappedFile(path: file)
            withExtendedLifetime(mapped) { hash.add(mapped.bytes) }
            return table.questions
        }
        subjects = try (names.isEmpty ? tests.keys.sorted() : names).map { name in
            let questions = try read(tests[name]!)
            var own: [ExamTable.Question] = []
            if shots > 0 {
                guard let file = examples[name] else {
                    throw MongeError.usage("\(path)/dev has no file of examples for '\(name)', which \(shots) examples are to come from")
                }
                own = try read(file)
                guard own.count >= shots else {
                    throw MongeError.usage("\(file) has \(own.count) examples, and \(shots) are to stand before each question")
                }
            }
            return Subject(
                name: name, examples: Array(own.prefix(shots)), questions: limit.map { Array(questions.prefix($0)) } ?? questions)
        }
        self.hash = hash.text
    }
}
