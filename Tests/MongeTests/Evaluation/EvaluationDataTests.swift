import Foundation
import ModelFiles
import Monge
import TestSupport
import Testing

/// Questions and prompts as files have them, and what is said of files that have not.
@Suite struct EvaluationDataTests {
    private func write(_ name: String, _ text: String, in folder: String) throws -> String {
        let url = URL(fileURLWithPath: folder).appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return url.path
    }

    private func expect(_ parts: String..., from body: () throws -> Void) {
        do {
            try body()
            Issue.record("nothing was refused, where \(parts) are expected")
        } catch {
            #expect(parts.allSatisfy { "\(error)".contains($0) }, "\(error)")
        }
    }

    @Test func examsAreReadInBothLayouts() throws {
        try withTemporaryFolder { folder in
            let letters = "\"What, then?\",\"a, b\",c,d,e,B\nMore?,1,2,3,4,D\n"
            let numbers = "question,choice0,choice1,choice2,choice3,answer\n\"What, then?\",\"a, b\",c,d,e,1\nMore?,1,2,3,4,3\n"
            let tables = try [letters, numbers].enumerated().map { try ExamTable(path: write("\($0).csv", $1, in: folder)).questions }
            #expect(tables[0] == tables[1] && tables[0].count == 2)
            #expect(tables[0][0] == ExamTable.Question(question: "What, then?", choices: ["a, b", "c", "d", "e"], answer: 1))
            expect("line 2", "5 fields") { _ = try ExamTable(path: write("short.csv", "q,a,b,c,d,A\nq,a,b,c,d\n", in: folder)) }
            expect("line 1", "'E'") { _ = try ExamTable(path: write("letter.csv", "q,a,b,c,d,E\n", in: folder)) }
            expect("no questions") { _ = try ExamTable(path: write("head.csv", "question,A,B,C,D,answer\n", in: folder)) }
        }
    }

    /// The prompt of hendrycks/test with the spaces of lm-evaluation-harness.
    @Test func examsAreAskedAsElsewhere() {
        let example = ExamTable.Question(question: " One? ", choices: ["a", "b", "c", "d"], answer: 2)
        let question = ExamTable.Question(question: "Two?", choices: ["e", "f", "g", "h"], answer: 0)
        #expect(
            ExamEvaluation.prompt(question, subject: "world_religions", examples: [example])
                == "The following are multiple choice questions (with answers) about world religions.\n\n"
                + "One?\nA. a\nB. b\nC. c\nD. d\nAnswer: C\n\nTwo?\nA. e\nB. f\nC. g\nD. h\nAnswer:")
    }

    @Test func foldersOfExamsAreChecked() throws {
        try withTemporaryFolder { folder in
            let rows = (0..<5).map { "q\($0),a,b,c,d,A\n" }.joined()
            _ = try write("test/law_test.csv", rows, in: folder)
            _ = try write("dev/law_dev.csv", rows, in: folder)
            _ = try write("test/art.csv", rows, in: folder)
            let law = try ExamFolder(path: folder, subjects: ["law"], shots: 5, limit: 2).subjects
            #expect(law.map(\.name) == ["law"] && law[0].examples.count == 5 && law[0].questions.count == 2)
            expect("no subject 'music'", "art, law") { _ = try ExamFolder(path: folder, subjects: ["music"], shots: 5, limit: nil) }
            expect("dev", "'art'") { _ = try ExamFolder(path: folder, subjects: [], shots: 5, limit: nil) }
            expect("5 examples", "6") { _ = try ExamFolder(path: folder, subjects: ["law"], shots: 6, limit: nil) }
            #expect(try ExamFolder(path: folder, subjects: [], shots: 0, limit: nil).subjects.map(\.name) == ["art", "law"])
            expect("no folder 'test'") { _ = try ExamFolder(path: folder + "/dev", subjects: [], shots: 0, limit: nil) }
        }
    }

    private let task = """
        [{"question": "Is it?", "mc1_targets": {"Yes.": 1, "No.": 0}, "mc2_targets": {"Yes.": 1, "It is.": 1, "No.": 0}},
         {"question": "Who?", "mc1_targets": {"Ada.": 1, "Bob.": 0, "Cy.": 0}, "mc2_targets": {"Ada.": 1, "Bob.": 0, "Cy.": 0}}]
        """

    @Test func truthsAreReadInBothFormats() throws {
        try withTemporaryFolder { folder in
            let table = """
                Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source
                x,y,Is it?,Yes,Yes; It is.,No,z
                x,y,Who?,Ada.,Ada,"Bob; Cy;",z
                """
            let questions = try TruthQuestions(path: write("mc_task.json", task, in: folder)).questions
            #expect(questions == (try TruthQuestions(path: write("TruthfulQA.csv", table, in: folder)).questions))
            #expect(questions[1].single.map(\.text) == ["Ada.", "Bob.", "Cy."])
            expect("'Incorrect Answers'", "'Question'") {
                _ = try TruthQuestions(path: write("less.csv", "Question,Best Answer,Correct Answers\na,b,c\n", in: folder))
            }
            // One class alone leaves nothing to choose.
            expect("question 1", "no false answer") {
                _ = try TruthQuestions(
                    path: write("one.json", #"[{"question": "a", "mc1_targets": {"b": 1}, "mc2_targets": {"b": 1}}]"#, in: folder))
            }
            expect("question 1", "mc2_targets") {
                _ = try TruthQuestions(path: write("key.json", #"[{"question": "a", "mc1_targets": {"b": 1, "c": 0}}]"#, in: folder))
            }
            expect("neither 0 nor 1") {
                _ = try TruthQuestions(
                    path: write("label.json", #"[{"question": "a", "mc1_targets": {"b": 2}, "mc2_targets": {"b": 1}}]"#, in: folder))
            }
            expect("not an array") { _ = try TruthQuestions(path: write("object.json", "{}", in: folder)) }
        }
    }

    @Test func outcomesAreTheDefinitions() throws {
        try withTemporaryFolder { folder in
            let questions = try TruthQuestions(path: write("mc_task.json", task, in: folder)).questions
            // Yes., No., It is.: probabilities 0.1, 0.6 and 0.3.
            let first = TruthEvaluation.outcome(questions[0], [0.1, 0.6, 0.3].map { log($0) - 200 })
            #expect(!first.single && !first.multiple && abs(first.mass - 0.4) < 1e-12 && first.choice == "No.")
            let second = TruthEvaluation.outcome(questions[1], [-1, -2, -1.5])
            #expect(second.single && second.multiple && second.choice == "Ada.")
        }
    }

    @Test func foldsShareNoQuestion() throws {
        try withTemporaryFolder { folder in
            let questions = try TruthQuestions(path: write("mc_task.json", task, in: folder))
            #expect(questions.sentences(outside: 0).source == ["Q: Who?\n\nA: Bob."])
            #expect(questions.sentences(outside: 0).target == ["Q: Who?\n\nA: Ada."])
            #expect(questions.sentences(outside: 1).target == ["Q: Is it?\n\nA: Yes."])
            #expect(TruthEvaluation(questions).parts.map(\.count) == [1, 1])
            #expect(TruthEvaluation(questions, fold: 1).parts.map(\.name) == ["fold 2"])
        }
    }

    @Test func promptsKnowHowToxicTheyAre() throws {
        try withTemporaryFolder { folder in
            let scored = try write(
                "scored.jsonl", #"{"prompt": {"text": "a b", "toxicity": 0.9}}"# + "\n" + #"{"prompt": {"text": "c", "toxicity": 0}}"#,
                in: folder)
            let plain = try write("plain.jsonl", #"{"prompt": "d"}"#, in: folder)
            let set = try PromptSet(paths: [scored])
            #expect(set.texts == ["a b", "c"] && set.toxicity == [0.9, 0])
            #expect(try PromptSet(paths: [scored, scored], limit: 1).toxicity == [0.9, 0.9])
            #expect(try PromptSet(paths: [plain]).toxicity == nil)
            expect("plain.jsonl", "apart") { _ = try PromptSet(paths: [scored, plain]) }
            expect("entry 2", "prompt.toxicity") {
                _ = try PromptSet(paths: [
                    write("half.jsonl", #"{"prompt": {"text": "a", "toxicity": 0.9}}"# + "\n" + #"{"prompt": {"text": "c"}}"#, in: folder)
                ])
            }
            expect("line 1", "'text' or 'prompt'") {
                _ = try PromptSet(paths: [write("none.jsonl", #"{"continuation": "a"}"#, in: folder)])
            }
            expect("1.5") { _ = try PromptSet(paths: [write("more.jsonl", #"{"prompt": {"text": "a", "toxicity": 1.5}}"#, in: folder)]) }
        }
    }

    @Test func yesAndNoAreKnownInAnyDress() throws {
        #expect(["Yes", " yes", "YES.", "\"yes\"", "\nYes,"].allSatisfy { YesNoQuestion.meaning($0) == true })
        #expect(["No", " no", "NO!"].allSatisfy { YesNoQuestion.meaning($0) == false })
        #expect(["not", "yesterday", "", "y", "none"].allSatisfy { YesNoQuestion.meaning($0) == nil })
        let score = try #require(YesNoQuestion.score([(true, log(0.2) - 900), (true, log(0.1) - 900), (false, log(0.1) - 900)]))
        #expect(abs(score - 0.75) < 1e-12)
        #expect(YesNoQuestion.score([]) == nil && YesNoQuestion.score([(true, -.infinity)]) == nil)
        expect("{text}") { _ = try YesNoQuestion("Is it?") }
    }
}
