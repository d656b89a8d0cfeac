import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// Mistral's own file against mistral-common (tools/parity/make_tekken.py).
struct TekkenTokenizerTests {
    struct Case: Decodable {
        let text: String
        let ids: [Int32]
    }

    private static func tokenizer(_ changes: [(String, String)] = []) throws -> TekkenTokenizer {
        var text = String(decoding: try fixture("tokenizer/tekken/tekken.json"), as: UTF8.self)
        for (old, new) in changes {
            try #require(text.contains(old))
            text = text.replacing(old, with: new)
        }
        return try TekkenTokenizer(JSONDocument(MappedFile(contents: Data(text.utf8), name: "tekken.json")))
    }

    @Test func givesTheTokensOfMistral() throws {
        let tokenizer = try Self.tokenizer()
        let cases = try JSONDecoder().decode([Case].self, from: fixture("tokenizer/tekken/cases.json"))
        #expect(cases.count >= 500)
        for item in cases {
            #expect(tokenizer.encode(item.text, addSpecial: false, parseSpecial: false) == item.ids, "\(item.text.debugDescription)")
            #expect(Array(tokenizer.decode(item.ids).utf8) == Array(item.text.utf8))
        }
        #expect(tokenizer.vocabularySize == 930)
    }

    @Test func controlTokensAreRead() throws {
        let tokenizer = try Self.tokenizer()
        let ids = tokenizer.encode("[INST]a[/INST]", addSpecial: true, parseSpecial: true)
        #expect(ids == [1, 3] + tokenizer.encode("a", addSpecial: false, parseSpecial: false) + [4])
        #expect(tokenizer.token("<SPECIAL_29>") == 29)
        #expect(tokenizer.kind(29) == .control && tokenizer.kind(30) == .normal && tokenizer.kind(930) == nil)
        #expect(tokenizer.stopTokens == [2])
    }

    @Test func whatDoesNotFitIsRefused() throws {
        func expect(_ old: String, _ new: String, _ message: String) {
            let error = #expect(throws: ModelFileError.self) { try Self.tokenizer([(old, new)]) }
            #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
        }
        expect(#""default_vocab_size":930"#, #""default_vocab_size":9300"#, "900 pieces")
        expect(#""default_num_special_tokens":30"#, #""default_num_special_tokens":-1"#, "special")
        expect(#""rank":7,"#, #""rank":8,"#, "piece 7")
        expect(#"|\\s+(?!\\S)"#, "", "pattern")
    }
}
