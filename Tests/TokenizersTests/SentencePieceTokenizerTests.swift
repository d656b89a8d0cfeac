import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// Byte-pair encodings over characters, against SentencePiece and `tokenizers` (tools/parity/make_sentencepiece.py, make_gemma3.py).
struct SentencePieceTokenizerTests {
    struct Case: Decodable {
        let text: String
        let ids: [Int32]
        let legacy: [Int32]?
        let json: [Int32]?
    }

    struct MarkedCase: Decodable {
        let text: String
        let legacy: [Int32]
        let json: [Int32]
        let plain: [Int32]
    }

    private static let folder = fixtures.appending(path: "tokenizer/sentencepiece")

    private func cases<T: Decodable>(_ name: String, _ type: T.Type) throws -> [T] {
        try JSONDecoder().decode([T].self, from: fixture("tokenizer/sentencepiece/\(name).cases.json"))
    }

    private func json(_ name: String) throws -> any Tokenizer {
        try TokenizerRegistry.load(tokenizerJSON: JSONDocument(path: Self.folder.appending(path: "\(name).json").path))
    }

    private func expect(_ tokenizer: any Tokenizer, _ text: String, _ expected: [Int32], _ what: String) {
        let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        #expect(ids == expected, "\(what): \(text.debugDescription)")
    }

    @Test(arguments: ["prefixed", "plain"]) func filesGiveTheTokensOfSentencePiece(name: String) throws {
        let file = try TokenizerRegistry.load(GGUFFile(path: Self.folder.appending(path: "\(name).gguf").path))
        let model = try SentencePieceTokenizer(
            SentencePieceModel(path: Self.folder.appending(path: "\(name).model").path), beginOfSequence: 1, endOfSequence: 2, prefix: [1],
            suffix: [], stops: [2])
        let cases = try cases(name, Case.self)
        #expect(cases.count >= 500)
        for item in cases {
            expect(file, item.text, item.ids, "\(name).gguf")
            expect(model, item.text, item.ids, "\(name).model")
        }
        #expect(file.encode("a", addSpecial: true, parseSpecial: false).first == 1)
        #expect(file.stopTokens == [2])
    }

    /// A folder without a tokenizer.json has SentencePiece's own file, and settings beside it.
    @Test func foldersMayHoldTheModel() throws {
        try withTemporaryFolder { path in
            try Data(#"{"model_type":"llama","eos_token_id":[2,5]}"#.utf8).write(to: URL(filePath: path + "/config.json"))
            try Data(#"{"bos_token":"<s>","eos_token":{"content":"</s>"},"add_eos_token":true}"#.utf8)
                .write(to: URL(filePath: path + "/tokenizer_config.json"))
            try SafetensorsWriter.write([.init(name: "a", shape: [1], floats: [1])], to: path + "/model.safetensors")
            try FileManager.default.copyItem(atPath: Self.folder.appending(path: "plain.model").path, toPath: path + "/tokenizer.model")
            let tokenizer = try HuggingFaceFolder(path: path).tokenizer()
            let item = try #require(try cases("plain", Case.self).first { $0.ids.count > 5 })
            #expect(tokenizer.encode(item.text, addSpecial: true, parseSpecial: false) == [1] + item.ids + [2])
            #expect(tokenizer.stopTokens == [2, 5])
        }
    }

    @Test func foldersGiveTheTokensOfHuggingFace() throws {
        for (file, kind) in [("prefixed.legacy", "prefixed"), ("prefixed", "prefixed"), ("plain", "plain")] {
            let tokenizer = try json(file)
            for item in try cases(kind, Case.self) {
                expect(tokenizer, item.text, (file == "prefixed.legacy" ? item.legacy : item.json) ?? item.ids, file)
            }
        }
    }

    @Test func namesOfTokensAreRead() throws {
        let (legacy, first, plain) = (try json("prefixed.legacy"), try json("prefixed"), try json("plain"))
        for item in try cases("marked", MarkedCase.self) {
            for (tokenizer, expected) in [(legacy, item.legacy), (first, item.json), (plain, item.plain)] {
                #expect(tokenizer.encode(item.text, addSpecial: true, parseSpecial: true) == expected, "\(item.text.debugDescription)")
            }
        }
    }

    /// Bytes for characters without a piece lose nothing, and texts come back without the space before them.
    @Test func decodingUndoesEncoding() throws {
        let file = try TokenizerRegistry.load(GGUFFile(path: Self.folder.appending(path: "prefixed.gguf").path))
        for (tokenizer, kind) in [(file, "prefixed"), (try json("plain"), "plain")] {
            for item in try cases(kind, Case.self) where !item.text.contains("\u{2581}") {
                let ids = tokenizer.encode(item.text, addSpecial: false, parseSpecial: false)
                #expect(Array(tokenizer.decode(ids).utf8) == Array(item.text.utf8), "\(item.text.debugDescription)")
            }
        }
    }

    @Test func gemmaGivesTheTokensOfSentencePiece() throws {
        let tokenizer = try TokenizerRegistry.load(GGUFFile(path: gemma3Path()))
        let cases = try JSONDecoder().decode(TokenizerFixture.self, from: fixture("tokenizer/gemma3.json")).cases
        #expect(cases.count >= 600)
        for item in cases {
            #expect(
                tokenizer.encode(item.text, addSpecial: false, parseSpecial: item.special) == item.ids, "\(item.text.debugDescription)")
        }
        #expect(tokenizer.prefix == [2])
        #expect(tokenizer.stopTokens.isSuperset(of: [1, 106]))
    }

    @Test func unknownStepsAreRefused() throws {
        let text = String(decoding: try fixture("tokenizer/sentencepiece/prefixed.legacy.json"), as: UTF8.self)
        func message(_ old: String, _ new: String) throws -> String {
            #expect(text.contains(old))
            let changed = MappedFile(contents: Data(text.replacing(old, with: new).utf8), name: "tokenizer.json")
            let error = #expect(throws: ModelFileError.self) { try TokenizerRegistry.load(tokenizerJSON: JSONDocument(changed)) }
            return error.map { "\($0)" } ?? ""
        }
        #expect(try message(#"{"type":"Prepend","prepend":"▁"}"#, #"{"type":"Lowercase"}"#).contains("'Lowercase'"))
        #expect(try message(#"{"type":"Fuse"}"#, #"{"type":"CTC"}"#).contains("'CTC'"))
        #expect(try message(#""unk_token":"<unk>""#, #""unk_token":"<none>""#).contains("'<none>'"))
    }
}
