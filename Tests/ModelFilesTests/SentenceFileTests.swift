import Foundation
import ModelFiles
import TestSupport
import Testing

struct SentenceFileTests {
    static func read(_ text: String, _ name: String, column: String? = nil) throws -> [String] {
        try SentenceFile(MappedFile(contents: Data(text.utf8), name: name), column: column).sentences
    }

    @Test func plainTextIsReadByLine() throws {
        #expect(try SentenceFileTests.read("one\n\n  two \r\n\t\nthree", "a.txt") == ["one", "  two ", "three"])
        #expect(try SentenceFileTests.read("\u{FEFF}one\n", "a.TXT") == ["one"])
        #expect(try SentenceFileTests.read("a\u{2028}b\u{B}c\n", "a.txt") == ["a\u{2028}b\u{B}c"])
    }

    @Test func linesOfJSONAreRead() throws {
        let text = #"""
            {"text": "a\nb", "label": 1}
            {"prompt": "c"}

            {"prompt": {"text": "d", "toxicity": 0.5}}
            {"text": " "}
            """#
        #expect(try SentenceFileTests.read(text, "a.jsonl") == ["a\nb", "c", "d"])
        #expect(try SentenceFileTests.read(#"{"continuation": {"text": "e"}, "text": "f"}"#, "a.jsonl", column: "continuation") == ["e"])
    }

    @Test func tablesWithQuotesAreRead() throws {
        let text = "id,text\r\n1,plain\r\n2,\"with, comma\"\r\n\r\n3,\"with \"\"quotes\"\" and\r\nline\"\n4,\n5,\"\"\n6, spaced \n7,\"end\""
        #expect(
            try SentenceFileTests.read(text, "a.csv") == [
                "plain", "with, comma", "with \"quotes\" and\r\nline", " spaced ", "end",
            ])
        #expect(try SentenceFileTests.read(text, "a.csv", column: "id") == ["1", "2", "3", "4", "5", "6", "7"])
        #expect(try SentenceFileTests.read("comment_text\nhello\n", "a.csv") == ["hello"])
        #expect(try SentenceFileTests.read("id\tprompt\n1\t\"a\" b\n2\t \n3\tc,d\r\n", "a.tsv") == ["\"a\" b", "c,d"])
    }

    @Test(arguments: [
        ("", "a.txt", nil, "has no sentences"),
        (" \n\n", "a.txt", nil, "has no sentences"),
        ("x", "a.txt", "text", "no columns"),
        ("x", "a.doc", nil, "unknown suffix 'doc' (known: txt, jsonl, csv, tsv)"),
        ("x", "a", nil, "unknown suffix ''"),
        ("{\"text\":\"a\"}\n{\"txt\":\"b\"}", "a.jsonl", nil, "a.jsonl, line 2: there is no 'text' or 'prompt'"),
        ("{\"text\":\"a\"}\n\n{\"text\":3}", "a.jsonl", nil, "a.jsonl, line 3: the value under 'text'"),
        ("\n{\"text\":", "a.jsonl", nil, "a.jsonl, line 2: the JSON ends too early"),
        ("a,b\n1,2\n", "a.csv", nil, "has no column 'text' or 'prompt'; its columns are 'a', 'b'"),
        ("a,b\n1,2\n", "a.csv", "c", "has no column 'c'"),
        ("a,text\n1,2\n3\n", "a.csv", nil, "a.csv, line 3: the row has 1 fields"),
        ("a,text\n1,\"2\n3\n", "a.csv", nil, "a.csv, line 2: the quoted field that begins here does not end"),
        ("a,text\n\"x\ny\",\"2\" 3\n", "a.csv", nil, "a.csv, line 3: there is something between"),
        ("a,text\n1,b\"c\n", "a.csv", nil, "a.csv, line 2: there is a quote inside"),
        ("text\n", "a.csv", nil, "has no sentences"),
        ("a\ttext\n1\t2\t3\n", "a.tsv", nil, "a.tsv, line 2: the row has 3 fields where the header has 2"),
    ])
    func brokenFilesAreRefused(_ text: String, _ name: String, _ column: String?, _ message: String) {
        let error = #expect(throws: ModelFileError.self) { try SentenceFileTests.read(text, name, column: column) }
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
    }

    @Test(arguments: ["txt", "jsonl", "csv", "tsv"])
    func textThatIsNotUTF8IsNamedByItsLine(_ suffix: String) {
        let first = suffix == "jsonl" ? "{\"text\":\"a\"}\n" : "text\n"
        let bytes = Array(first.utf8) + [0x61, 0xE9, 0x62, 0x0A]
        #expect(throws: ModelFileError.invalidLine(file: "a.\(suffix)", line: 2, detail: "the text is not UTF-8")) {
            try SentenceFile(MappedFile(contents: bytes, name: "a.\(suffix)"))
        }
    }

    private struct Table: Decodable {
        let text: String
        let column: String
        let separator: String
        let values: [String]
    }

    /// Every table of the fixture gives the column that Python's `csv` reads; a name that lies for a suffix of tables changes nothing.
    @Test func tablesOfOtherProgramsAreRead() throws {
        let tables = try JSONDecoder().decode([Table].self, from: fixture("tables.json"))
        #expect(tables.count == 24)
        for table in tables {
            let values = try SentenceFileTests.read(table.text, "a.csv", column: table.column)
            #expect(values.map { Array($0.utf8) } == table.values.map { Array($0.utf8) }, "\(table.text.debugDescription)")
            // Several columns, and none of them is named: all are listed.
            let error = #expect(throws: ModelFileError.self) { try SentenceFileTests.read(table.text, "a.csv") }
            #expect(error.map { "\($0)" }?.contains("its columns are 'id', 'comment', 'label': name one with --column") == true)
        }
    }

    @Test func filesThatAreNoTablesOfTabs() throws {
        for (text, name, message) in [
            ("id;text\n1;a\n", "a.tsv", "has no tabs; its fields seem to have ';'"),
            ("text;text\na;b\n", "a.csv", "more than one column 'text'"),
            ("id;a,b\n1;2\n", "a.csv", "its columns are 'id', 'a,b'"),
        ] {
            let error = #expect(throws: ModelFileError.self) { try SentenceFileTests.read(text, name) }
            #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
        }
        #expect(try SentenceFileTests.read("one\rtwo\r", "a.txt") == ["one", "two"])
    }

    @Test func streamsAreReadByTheirContents() throws {
        try withTemporaryFolder { folder in
            func read(_ text: String, column: String?) throws -> [String] {
                let path = folder + "/pipe"
                mkfifo(path, 0o600)
                defer { unlink(path) }
                Thread.detachNewThread { try? Data(text.utf8).write(to: URL(filePath: path)) }
                return try SentenceFile(path: path, column: column).sentences
            }
            for (text, column, expected) in [
                ("one\n\ntwo", nil, ["one", "two"]), ("{\"text\": \"one\"}\n{\"text\": \"two\"}\n", nil, ["one", "two"]),
                ("a;b\n1;2\n", "b", ["2"]), ("{\"x\": \"one\"}\n", "x", ["one"]),
            ] as [(String, String?, [String])] {
                let sentences = try read(text, column: column)
                #expect(sentences == expected)
            }
        }
    }

    @Test func filesAreRead() throws {
        try withTemporaryFolder { folder in
            try Data("one\ntwo\n".utf8).write(to: URL(filePath: folder + "/a.txt"))
            #expect(try SentenceFile(path: folder + "/a.txt").sentences == ["one", "two"])
            #expect(throws: ModelFileError.self) { try SentenceFile(path: folder + "/b.txt") }
        }
    }
}
