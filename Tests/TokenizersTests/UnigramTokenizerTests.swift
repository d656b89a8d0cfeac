import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// Against transformers' T5Tokenizer (SentencePiece itself) and T5TokenizerFast.
struct UnigramTokenizerTests {
    private struct Case: Decodable {
        let text: String
        let slow: [Int32]
        let fast: [Int32]?
        let older: [Int32]?
    }

    /// The folder of the fixture; one with the whole of NFKC, as make_t5_tokenizer.py writes it, takes its place.
    private static let folder = ProcessInfo.processInfo.environment["MONGE_T5_TOKENIZER"] ?? fixtures.path + "/tokenizer/t5"
    private static let cases = Result {
        try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(filePath: folder + "/cases.json")))
    }

    private static func json(_ changes: [(String, String)] = []) throws -> UnigramTokenizer {
        var text = try String(contentsOfFile: folder + "/tokenizer.json", encoding: .utf8)
        for (old, new) in changes { text = text.replacingOccurrences(of: old, with: new) }
        let document = try JSONDocument(MappedFile(contents: Array(text.utf8), name: "tokenizer.json"))
        return try #require(TokenizerRegistry.load(tokenizerJSON: document) as? UnigramTokenizer)
    }

    @Test func pieceModelsAreThoseOfSentencePiece() throws {
        let tokenizer = try UnigramTokenizer(SentencePieceModel(path: Self.folder + "/spiece.model"))
        let cases = try Self.cases.get()
        #expect(cases.count > 350)
        for expected in cases {
            let tokens = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(tokens == expected.slow, "'\(expected.text)'")
        }
        #expect(tokenizer.endOfSequence == 1 && tokenizer.paddingToken == 0)
        #expect(tokenizer.token("<extra_id_0>") == Int32(tokenizer.vocabularySize - 1))
    }

    @Test func tokenizerJSONIsThatOfTransformers() throws {
        let tokenizer = try UnigramTokenizer(folder: Self.folder)
        for expected in try Self.cases.get() {
            let tokens = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(tokens == expected.fast ?? expected.slow, "'\(expected.text)'")
        }
    }

    /// Files of before 2024: the table alone, whitespace cut before Metaspace.
    @Test func olderFilesAreRead() throws {
        let text = try String(contentsOfFile: Self.folder + "/tokenizer.json", encoding: .utf8)
        let metaspace = #""pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"#
        #expect(text.contains(metaspace))
        let tokenizer = try Self.json([
            (
                metaspace,
                #""pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},"#
                    + #"{"type":"Metaspace","replacement":"▁","add_prefix_space":true}]}"#
            ),
            (#",{"type":"Strip","strip_left":false,"strip_right":true},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}"#, ""),
        ])
        for expected in try Self.cases.get() {
            let tokens = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(tokens == expected.older ?? expected.slow, "'\(expected.text)'")
        }
    }

    /// The same model as llama.cpp writes it into GGUF files of encoders.
    @Test func ggufFilesAreRead() throws {
        let model = try SentencePieceModel(path: Self.folder + "/spiece.model")
        var builder = GGUFBuilder()
        builder.add("general.architecture", "t5encoder")
        builder.add("tokenizer.ggml.model", "t5")
        builder.add("tokenizer.ggml.tokens", 9, GGUFBuilder.strings(model.pieces.map(\.text)))
        builder.add("tokenizer.ggml.scores", 9, GGUFBuilder.array(6, model.pieces.map { GGUFBuilder.bytes($0.score.bitPattern) }))
        builder.add("tokenizer.ggml.token_type", 9, GGUFBuilder.array(5, model.pieces.map { GGUFBuilder.bytes(Int32($0.kind.rawValue)) }))
        builder.add("tokenizer.ggml.precompiled_charsmap", 9, GGUFBuilder.array(0, model.characterMap.map { [$0] }))
        builder.add("tokenizer.ggml.eos_token_id", 4, GGUFBuilder.bytes(UInt32(1)))
        builder.add("tokenizer.ggml.add_eos_token", 7, [1])
        let tokenizer = try TokenizerRegistry.load(GGUFFile(builder.mapped))
        // Files of llama.cpp have no tokens for what is left out.
        for expected in try Self.cases.get() where !expected.text.contains("<extra_id_") {
            let tokens = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(tokens == expected.slow, "'\(expected.text)'")
        }
    }

    @Test func tokensAreSpelled() throws {
        let tokenizer = try UnigramTokenizer(folder: Self.folder)
        for text in ["a photograph of an astronaut", "Hello, world!", "x"] {
            #expect(tokenizer.decode(tokenizer.encode(text, addSpecial: true, parseSpecial: true)) == text)
        }
        let prompt = tokenizer.prompt("a photograph of an astronaut riding a horse", length: 6)
        #expect(prompt.tokens.count == 6 && prompt.tokens.last == 1)
        #expect(prompt.removed?.hasSuffix("riding a horse") == true)
        let short = tokenizer.prompt("a", length: 6)
        #expect(short.length == 2 && short.tokens.suffix(4) == [0, 0, 0, 0] && short.removed == nil)
    }

    @Test func otherTokenizersAreRefused() throws {
        func message(_ old: String, _ new: String) -> String {
            do {
                _ = try Self.json([(old, new)])
                return "read"
            } catch { return "\(error)" }
        }
        #expect(message(#""type":"Precompiled""#, #""type":"NFKC""#).contains("NFKC"))
        #expect(message(#""type":"Metaspace""#, #""type":"ByteLevel""#).contains("ByteLevel"))
        #expect(message(#""unk_id":2"#, #""unk_id":100000"#).contains("100000"))
        #expect(message(#""byte_fallback":false"#, #""byte_fallback":true"#).contains("byte"))
        #expect(message(#""precompiled_charsmap":""#, #""precompiled_charsmap":"*"#).contains("base 64"))
        #expect(message(#""prepend_scheme":"always""#, #""prepend_scheme":"twice""#).contains("twice"))
        #expect(throws: ModelFileError.self) { try UnigramTokenizer(folder: fixtures.path) }
        #expect(throws: ModelFileError.self) { try SentencePieceModel(MappedFile(contents: [], name: "empty")) }
    }

    @Test(.timeLimit(.minutes(60)), arguments: ["spiece.model", "tokenizer.json"])
    func corruptedFilesAreReadOrRefused(_ name: String) throws {
        let original = try Array(Data(contentsOf: URL(filePath: Self.folder + "/" + name)))
        var random = SplitMix64(seed: 14)
        var read = 0
        let rounds = name == "spiece.model" ? 3000 : 400
        for _ in 0..<rounds {
            let file = MappedFile(contents: Corruption.corrupt(original, original, &random), name: name)
            do throws(ModelFileError) {
                let tokenizer =
                    name == "spiece.model"
                    ? try UnigramTokenizer(SentencePieceModel(file)) : try TokenizerRegistry.load(tokenizerJSON: JSONDocument(file))
                let tokens = tokenizer.encode("a  photograph é ｆｕｌｌ </s> ½", addSpecial: true, parseSpecial: true)
                #expect(tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
                read += 1
            } catch {}
        }
        #expect((rounds / 80..<rounds - rounds / 80).contains(read), "\(read) of \(rounds) were read")
    }
}
