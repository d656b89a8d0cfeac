import ModelFiles
import Monge
import Testing

/// Questions to judges' verdicts, what judges print, and the names of things in prompts.
@Suite struct PictureQuestionTests {
    private func verdict(_ json: String) throws -> PictureVerdict {
        PictureVerdict(try #require(try JSONParser.parse(MappedFile(contents: Array(json.utf8), name: "verdict")).object))
    }

    @Test func questionsAreAnswered() throws {
        let verdict = try verdict(
            #"{"style": "lineart", "heart": 0.5, "count": 3, "isSharp": true, "styles": {"noto": 0.1, "line art": 0.9}, "a.b": "x", "names": ["cat"]}"#
        )
        for (text, expected) in [
            ("style=lineart", true), ("style=noto", false), ("style!=noto", true), ("style != lineart", false), ("heart>0.5", false),
            ("heart>=0.5", true), ("heart<0.5", false), ("heart<=0.5", true), ("heart > 0.25", true), ("count=3", true),
            ("count=3.0", true),
            ("count!=3", false), ("isSharp", true), ("isSharp=false", false), ("styles.noto<0.2", true), ("styles.line art>0.5", true),
            ("a.b=x", true),
        ] {
            #expect(try PictureQuestion(text).answer(verdict, of: "0001.png") == expected, "\(text)")
        }
        for (text, part) in [
            ("mood=happy", "'mood'; its labels are style, heart, count"), ("styles.pixel>0", "'styles.pixel'"),
            ("style>1", "'style' is no number"),
            ("names=cat", "no single value"), ("style", "neither true nor false"), ("styles=noto", "no single value"),
        ] {
            let error = #expect(throws: MongeError.self, "\(text)") { try PictureQuestion(text).answer(verdict, of: "0001.png") }
            #expect(error.map { "\($0)".contains(part) && "\($0)".contains("0001.png") } == true, "\(text): \(error.map { "\($0)" } ?? "")")
        }
        for text in ["", " ", "=x", "style=", ">1", "heart>big", "heart>nan", "heart>=inf"] {
            #expect(throws: MongeError.self, "'\(text)'") { try PictureQuestion(text) }
        }
    }

    @Test func linesOfJudgesAreRead() throws {
        func read(_ text: String) throws -> [PictureVerdict] {
            try CommandJudge.verdicts(Array(text.utf8), files: ["a.png", "b.png"], command: "judge")
        }
        let verdicts = try read("{\"x\": 2, \"file\": \"b.png\"}\n\n  \r\n{\"file\": \"/some/where/a.png\", \"x\": 1}")
        #expect(verdicts.map { $0.value("x")?.integer } == [1, 2])
        #expect(verdicts[0].value("file") == nil)
        let good = "{\"file\": \"a.png\"}\n"
        for (text, part) in [
            (good, "no line about b.png; it does about 1 of 2"), (good + good, "line 2 of the judge 'judge' is a second one about a.png"),
            (good + "{\"file\": \"c.png\"}", "line 2 of the judge 'judge' is about 'c.png'"),
            (good + "Traceback", "is not JSON: 'Traceback'"),
            ("[1]", "no object"), ("{\"file\": 1}", "no object"), ("{\"path\": \"a.png\"}", "under 'file'"), ("", "0 of 2"),
            ("{\"file\": \"a.png\"", "not JSON"),
        ] {
            let error = #expect(throws: MongeError.self, "\(text)") { try read(text) }
            #expect(error.map { "\($0)".contains(part) } == true, "\(text): \(error.map { "\($0)" } ?? "")")
        }
    }

    @Test func namesStandInPrompts() {
        let known = ["cat", "cat face", "mouse face", "o'clock", "cat", ""]
        #expect(
            PictureEvaluation.names(
                of: ["a cat", "A picture of a Cat Face, line drawing", "two cats", "at seven o'clock", "a mouse"], among: known)
                == ["cat", "cat face", nil, "o'clock", nil])
    }
}
