import Foundation
import ModelFiles
import TestSupport
import Testing

/// The strict reader of JSON, through documents with one key.
struct JSONTests {
    static func value(_ text: String) throws -> JSONValue? {
        try JSONDocument(MappedFile(contents: Data("{\"v\":\(text)}".utf8), name: "x.json")).value("v")
    }

    @Test(arguments: [
        ("0", JSONValue.integer(0)), ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
        ("9223372036854775808", .number(9223372036854775808)), ("1.5", .number(1.5)), ("1e3", .number(1000)),
        ("-0.25E-2", .number(-0.0025)),
        ("true", .bool(true)), (" false ", .bool(false)), ("[]", .array([])), ("[1, [2]]", .array([.integer(1), .array([.integer(2)])])),
        (#""a\"\\\/\b\f\n\r\té""#, .string("a\"\\/\u{8}\u{C}\n\r\té")), (#""\u00e9\ud83d\ude00\u0000""#, .string("é😀\u{0}")),
        (#""日本\n語""#, .string("日本\n語")), ("\"\u{7F}\"", .string("\u{7F}")),
    ])
    func validTextIsRead(_ text: String, _ value: JSONValue) throws {
        #expect(try JSONTests.value(text) == value)
    }

    @Test(arguments: [
        "", "nul", "truex", "01", "-", "1.", ".5", "1e", "+1", "NaN", "Infinity", "1e400", "'a'", "[1,]", "[1 2]", "[", "{", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "\"\t\"", "1,2", "1]", "// x\n1",
    ])
    func invalidTextIsRefused(_ text: String) {
        let error = #expect(throws: ModelFileError.self) { try JSONTests.value(text) }
        #expect(error.map { "\($0)" }?.contains("at byte") == true, "\(String(describing: error))")
    }

    /// What other programs write into JSON and JSON does not have, with the place where it stands.
    @Test(arguments: [
        ("{\"a\": {\n\"b\": [1, {\"c\": NaN}]}}", "has NaN, which is no number in JSON under 'a.b[1].c', in line 2"),
        ("{\"a\": -Infinity}", "has -Infinity, which is no number in JSON under 'a', in line 1"),
        ("{\"a\": 1,\n\n\"b\": Infinity}", "has Infinity, which is no number in JSON under 'b', in line 3"),
        ("\u{FEFF}{\"a\": 1}", "begins with a byte-order mark"), ("{\"a\": Nothing}", "has a character that begins no value under 'a'"),
        ("{\"a\": [true, }", "has a character that begins no value under 'a[1]'"),
    ])
    func theirPlaceIsNamed(_ text: String, _ message: String) {
        let error = #expect(throws: ModelFileError.self) { try JSONDocument(MappedFile(contents: Data(text.utf8), name: "x.json")) }
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
    }

    @Test func bytesThatAreNotTextAreRefused() {
        for bytes: [UInt8] in [[0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0x5C, 0x6E, 0xC0, 0x80]] {
            let text = Array("{\"v\":\"".utf8) + bytes + Array("\"}".utf8)
            #expect(throws: ModelFileError.self) { try JSONDocument(MappedFile(contents: text, name: "x.json")) }
        }
    }

    /// Nesting is bounded, so that a small file cannot use up the stack.
    @Test func deepNestingIsRefused() throws {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(throws: Never.self) { try JSONTests.value(nested(60)) }
        #expect(throws: ModelFileError.self) { try JSONTests.value(nested(100_000)) }
    }

    /// What another writer of JSON makes of texts of all kinds is read as it was.
    @Test func whatFoundationWritesIsRead() throws {
        let cases = try JSONDecoder().decode(TokenizerFixture.self, from: fixture("tokenizer/smollm.json")).cases
        for item in cases {
            let data = try JSONSerialization.data(withJSONObject: ["v": [item.text: item.text]])
            let value = try JSONDocument(MappedFile(contents: data, name: "x.json")).value("v")
            let member = try #require(value?.object?.members.first)
            #expect(Array(member.key.utf8) == Array(item.text.utf8))
            #expect(member.value.string.map { Array($0.utf8) } == Array(item.text.utf8))
        }
    }
}
