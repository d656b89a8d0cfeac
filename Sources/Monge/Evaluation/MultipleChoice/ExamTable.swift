import ModelFiles

/// Questions of one subject with four choices, in the files of MMLU (Hendrycks et al., "Measuring Massive Multitask Language Understanding", 2021): a table of
/// commas with question, four choices and the answer, which is a letter or a number from 0; the first row may name the columns.
package struct ExamTable {
    package struct Question: Equatable {
        package var question: String
        package var choices: [String]
        /// The place of the right one.
        package var answer: Int

        package init(question: String, choices: [String], answer: Int) {
            (self.question, self.choices, self.answer) = (question, choices, answer)
        }
    }

    package static let letters = ["A", "B", "C", "D"]

    package var questions: [Question]

    package init(path: String) throws {
        let rows = try TextTable(path: path).rows
        questions = try rows.enumerated().compactMap { index, row in
            guard row.fields.count == 6 else {
                throw ModelFileError.invalidLine(
                    file: path, line: row.line,
                    detail: "the row has \(row.fields.count) fields; a question of MMLU has 6: the question, four choices and the answer")
            }
            let answer = row.fields[5].filter { !$0.isWhitespace }
            if let place = Self.letters.firstIndex(of: answer.uppercased()) ?? Int(answer), (0..<4).contains(place) {
                return Question(question: row.fields[0], choices: Array(row.fields[1..<5]), answer: place)
            }
            // The names of the columns.
            if index == 0, answer.lowercased() == "answer" { return nil }
            throw ModelFileError.invalidLine(
                file: path, line: row.line,
                detail: "the answer is '\(row.fields[5].beginning)', neither a letter from A to D nor a number from 0 to 3")
        }
        guard !questions.isEmpty else { throw ModelFileError.malformed(file: path, detail: "has no questions in it") }
    }
}
