import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// Tokenizers of encoders, against Hugging Face's `tokenizers` and transformers (tools/parity/make_encoder_tokenizers.py).
struct EncoderTokenizerTests {
    private static let folder = fixtures.path + "/tokenizer/encoders"

    private func json(_ name: String, _ changes: [(String, String)] = []) throws -> any Tokenizer {
        var text = try String(contentsOfFile: "\(Self.folder)/\(name).json", encoding: .utf8)
        for (old, new) in changes {
            try #require(text.contains(old), "\(old)")
            text = text.replacing(old, with: new)
        }
        return try TokenizerRegistry.load(tokenizerJSON: JSONDocument(MappedFile(contents: Array(text.utf8), name: "tokenizer.json")))
    }

    @Test(arguments: ["uncased", "cased", "accents", "roberta", "prefixed", "xlm", "bytes"])
    func encodesAsTheReference(_ name: String) throws {
        let tokenizer = try TokenizerRegistry.load(tokenizerJSON: JSONDocument(path: "\(Self.folder)/\(name).json"))
        let cases = try JSONDecoder().decode([TokenizerJSONTests.Case].self, from: fixture("tokenizer/encoders/\(name).cases.json"))
        #expect(cases.count { $0.special } >= 500)
        // Tokens with a purpose are not found in plain text by a unigram model of Monge's, where they are among the pieces in the reference.
        for item in cases where item.special || !["xlm", "bytes"].contains(name) {
            let what = "\(item.text.debugDescription), special \(item.special)"
            #expect(tokenizer.encode(item.text, addSpecial: false, parseSpecial: item.special) == item.ids, "\(what)")
            #expect(tokenizer.encode(item.text, addSpecial: true, parseSpecial: item.special) == item.withEnds, "\(what)")
        }
    }

    /// A folder that has `vocab.txt` alone, and one whose settings change what `tokenizer.json` says.
    @Test func vocabulariesAloneAreRead() throws {
        struct Case: Decodable {
            let text: String
            let uncased: [Int32]
            let cased: [Int32]
            let accents: [Int32]
        }
        let cases = try JSONDecoder().decode([Case].self, from: fixture("tokenizer/encoders/vocab.cases.json"))
        #expect(cases.count >= 300)
        let settings = [
            ("{}", \Case.uncased), (#"{"do_lower_case": false}"#, \.cased),
            (#"{"strip_accents": false, "tokenize_chinese_chars": false}"#, \.accents),
        ]
        for (text, expected) in settings {
            try withTemporaryFolder { path in
                try FileManager.default.copyItem(atPath: Self.folder + "/vocab.txt", toPath: path + "/vocab.txt")
                try Data(text.utf8).write(to: URL(filePath: path + "/tokenizer_config.json"))
                let tokenizer = try Self.tokenizer(path)
                for item in cases {
                    #expect(
                        tokenizer.encode(item.text, addSpecial: true, parseSpecial: true) == item[keyPath: expected],
                        "\(item.text.debugDescription)")
                }
                // The same vocabulary in the other form, with the same settings; it has a word more.
                var json = try String(contentsOfFile: Self.folder + "/uncased.json", encoding: .utf8)
                json = json.replacing("Café", with: "never there")
                try Data(json.utf8).write(to: URL(filePath: path + "/tokenizer.json"))
                let other = try Self.tokenizer(path)
                for item in cases {
                    #expect(
                        other.encode(item.text, addSpecial: true, parseSpecial: true) == item[keyPath: expected],
                        "\(item.text.debugDescription)")
                }
            }
        }
    }

    private static func tokenizer(_ path: String) throws -> any Tokenizer {
        try Data(#"{"model_type": "bert"}"#.utf8).write(to: URL(filePath: path + "/config.json"))
        try SafetensorsWriter.write([], to: path + "/model.safetensors")
        return try HuggingFaceFolder(path: path).tokenizer()
    }

    /// A space before a text by the folder's settings.
    @Test func settingsOfByteLevelTokenizersCount() throws {
        let cases = try JSONDecoder().decode([TokenizerJSONTests.Case].self, from: fixture("tokenizer/encoders/prefixed.cases.json"))
        try withTemporaryFolder { path in
            let text = try String(contentsOfFile: Self.folder + "/prefixed.json", encoding: .utf8)
            try Data(text.replacing(#""add_prefix_space":true"#, with: #""add_prefix_space":false"#).utf8)
                .write(to: URL(filePath: path + "/tokenizer.json"))
            try Data(#"{"add_prefix_space": true, "model_max_length": 77}"#.utf8).write(to: URL(filePath: path + "/tokenizer_config.json"))
            let tokenizer = try Self.tokenizer(path)
            for item in cases where item.special {
                #expect(tokenizer.encode(item.text, addSpecial: true, parseSpecial: true) == item.withEnds, "\(item.text.debugDescription)")
            }
            let longest = try HuggingFaceFolder(path: path).maximumTextLength()
            #expect(longest == 77)
        }
    }

    /// Every character of Unicode is of the kind that it is of there.
    @Test func charactersAreOfTheirKinds() throws {
        let kinds = try JSONDecoder().decode([String: [[UInt32]]].self, from: fixture("tokenizer/encoders/characters.json"))
        let predicates: [String: (Unicode.Scalar) -> Bool] = [
            "dropped": BERTNormalization.isDropped, "ideographs": BERTNormalization.isIdeograph,
            "marks": {
                BERTNormalization.isNonspacingMark($0) && String($0).decomposedStringWithCanonicalMapping.unicodeScalars.count == 1
            },
            "punctuation": BERTNormalization.isPunctuation,
            "spaces": { !BERTNormalization.isDropped($0) && $0.properties.isWhitespace },
        ]
        #expect(Set(kinds.keys) == Set(predicates.keys))
        for (kind, holds) in predicates {
            let ranges = try #require(kinds[kind])
            var expected = [Bool](repeating: false, count: 0x110000)
            for range in ranges { for code in range[0]...range[1] { expected[Int(code)] = true } }
            let wrong = (0..<UInt32(0x110000)).filter { code in
                guard let scalar = Unicode.Scalar(code) else { return false }
                return holds(scalar) != expected[Int(code)]
            }
            #expect(wrong.isEmpty, "\(kind): \(wrong.prefix(20).map { String($0, radix: 16) })")
        }
    }

    @Test func piecesAreWordsAgain() throws {
        let tokenizer = try json("uncased")
        let tokens = tokenizer.encode("The quick brown foxes", addSpecial: true, parseSpecial: false)
        #expect(tokenizer.decode(tokens) == "the quick brown foxes")
        #expect(tokenizer.beginOfSequence == tokenizer.token("[CLS]") && tokenizer.endOfSequence == tokenizer.token("[SEP]"))
    }

    /// A decoder's unigram model: characters without a piece are bytes, and are put together again.
    @Test func bytesAreCharactersAgain() throws {
        let tokenizer = try json("bytes")
        for text in ["日本 text 😀", "plain"] {
            #expect(tokenizer.decode(tokenizer.encode(text, addSpecial: true, parseSpecial: false)) == text)
        }
    }

    @Test func longTextsAreCutBeforeTheirEnd() throws {
        let tokenizer = try json("cased")
        let whole = tokenizer.encode("the cat, the dog, the fox", addSpecial: true, parseSpecial: true)
        let (tokens, isCut) = tokenizer.encode("the cat, the dog, the fox", atMost: 6)
        #expect(isCut && tokens == whole.prefix(5) + whole.suffix(1))
        #expect(tokenizer.encode("the cat, the dog, the fox", atMost: whole.count) == (whole, false))
    }

    @Test(arguments: [
        ("uncased", #""type":"BertNormalizer""#, #""type":"Lowercase""#, "Lowercase"),
        ("uncased", #""type":"BertPreTokenizer""#, #""type":"Whitespace""#, "Whitespace"),
        ("uncased", #""unk_token":"[UNK]""#, #""unk_token":"<unk>""#, "<unk>"),
        ("cased", #""cls":["[CLS]",2]"#, #""cls":["[CLS]",2000]"#, "BertProcessing"),
        ("bytes", #""<0x41>""#, #""<byte 41>""#, "falls back to bytes"),
        ("roberta", #""sep":["</s>",2]"#, #""sep":["</s>"]"#, "RobertaProcessing"),
    ])
    func refusesWhatItDoesNotKnow(_ name: String, _ old: String, _ new: String, _ message: String) throws {
        let error = #expect(throws: ModelFileError.self) { _ = try json(name, [(old, new)]) }
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
    }

    @Test func vocabulariesWithoutTheirTokensAreRefused() throws {
        try withTemporaryFolder { path in
            try Data("[PAD]\r\n[UNK]\r\n[CLS]\r\na\r\n".utf8).write(to: URL(filePath: path + "/vocab.txt"))
            let error = #expect(throws: ModelFileError.self) { _ = try Self.tokenizer(path) }
            #expect(error.map { "\($0)" }?.contains("no token '[SEP]'") == true, "\(String(describing: error))")
        }
    }
}
