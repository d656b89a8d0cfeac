import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// Against transformers' CLIPTokenizer and CLIPTokenizerFast.
struct CLIPTokenizerTests {
    private struct Fixture: Decodable {
        struct Case: Decodable {
            let text: String
            let slow: [Int32]
            let fast: [Int32]?
            let padded: [Int32]?
        }
        struct Long: Decodable {
            let text: String
            let slow: [Int32]
            let padded: [Int32]
            let removed: String?
        }
        let cases: [Case]
        let long: [Long]
    }

    /// The folder of the fixture; one with the original vocabulary, as make_clip_tokenizer.py writes it, takes its place.
    private static let folder = ProcessInfo.processInfo.environment["MONGE_CLIP_TOKENIZER"] ?? fixtures.path + "/tokenizer/clip"
    private static let fixture = Result {
        try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: URL(filePath: folder + "/cases.json")))
    }

    private static let files = ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]

    /// The tokenizer of a folder with some of the fixture's files, and with changes to texts in them.
    private static func tokenizer(without absent: [String], replacing changes: [(String, String)] = []) throws -> CLIPTokenizer {
        try withTemporaryFolder { path in
            for name in files where !absent.contains(name) {
                var text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
                for (old, new) in changes { text = text.replacingOccurrences(of: old, with: new) }
                try text.write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
            }
            return try CLIPTokenizer(folder: path)
        }
    }

    private static func message(without absent: [String], replacing changes: [(String, String)] = []) -> String {
        do {
            _ = try tokenizer(without: absent, replacing: changes)
            return "read"
        } catch { return "\(error)" }
    }

    @Test func vocabularyAndMergesAreThoseOfTransformers() throws {
        let cases = try Self.fixture.get().cases
        #expect(cases.count > 350)
        let tokenizer = try CLIPTokenizer(folder: Self.folder)
        for expected in cases {
            let tokens = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(tokens == expected.slow, "'\(expected.text)'")
        }
    }

    @Test func tokenizerJSONIsThatOfTransformers() throws {
        let tokenizer = try Self.tokenizer(without: ["vocab.json", "merges.txt"])
        for expected in try Self.fixture.get().cases {
            let tokens = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(tokens == expected.fast ?? expected.slow, "'\(expected.text)'")
        }
        // The registry of tokenizers knows the kind.
        let document = try JSONDocument(path: Self.folder + "/tokenizer.json")
        #expect(try TokenizerRegistry.load(tokenizerJSON: document) is CLIPTokenizer)
    }

    /// Stable Diffusion 2 fills up with "!", which then is a token wherever it stands.
    @Test func anotherTokenFillsUp() throws {
        let padding = #""pad_token": "<|endoftext|>""#
        let tokenizer = try Self.tokenizer(without: ["tokenizer.json"], replacing: [(padding, #""pad_token": "!""#)])
        #expect(tokenizer.paddingToken == 0)
        for expected in try Self.fixture.get().cases {
            let tokens = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(tokens == expected.padded ?? expected.slow, "'\(expected.text)'")
        }
        for expected in try Self.fixture.get().long { #expect(tokenizer.prompt(expected.text).tokens == expected.padded) }
    }

    @Test func promptsAreCutAndFilledUp() throws {
        let tokenizer = try CLIPTokenizer(folder: Self.folder)
        #expect(tokenizer.contextLength == 16)
        for expected in try Self.fixture.get().long {
            let prompt = tokenizer.prompt(expected.text)
            #expect(prompt.tokens == expected.slow, "'\(expected.text)'")
            #expect(prompt.removed == expected.removed, "'\(expected.text)'")
            let whole = tokenizer.encode(expected.text, addSpecial: true, parseSpecial: true)
            #expect(prompt.length == min(whole.count, 16))
        }
        #expect(tokenizer.prompt("a cat", length: 3).tokens.count == 3)
        #expect(try Self.tokenizer(without: ["tokenizer_config.json"]).contextLength == nil)
        let endless = [(#""model_max_length": 16"#, #""model_max_length": 1000000000000000019884624838656"#)]
        #expect(try Self.tokenizer(without: [], replacing: endless).contextLength == nil)
    }

    @Test func brokenFoldersAreRefused() {
        #expect(Self.message(without: Self.files).contains("vocab.json"))
        #expect(Self.message(without: ["merges.txt", "tokenizer.json"]).contains("merges.txt"))
        let length = #""model_max_length": 16"#
        #expect(Self.message(without: [], replacing: [(length, #""model_max_length": 1"#)]).contains("no room"))
        #expect(Self.message(without: [], replacing: [(length, #""model_max_length": "16""#)]).contains("an integer"))
        #expect(Self.message(without: [], replacing: [(#""<|endoftext|>": "#, #""<|end|>": "#)]).contains("<|endoftext|>"))
        #expect(Self.message(without: [], replacing: [(#""!": 0,"#, #""!": 1,"#)]).contains("numbered"))
        #expect(Self.message(without: [], replacing: [(#""ā": "#, #""no byte": "#)]).contains("some bytes"))
        #expect(Self.message(without: [], replacing: [("#version: 0.2\n", "#version: 0.2\nab\n")]).contains("merge 0"))
        #expect(Self.message(without: [], replacing: [("#version: 0.2\n", "#version: 0.2\n# !!\n")]).contains("merge 0"))
        let json = ["vocab.json", "merges.txt"]
        for (old, new, part) in [
            (#""NFC""#, #""NFKC""#, "normalizer"), ("RobertaProcessing", "BertProcessing", "BertProcessing"),
            (#"[\\p{N}]|"#, #"[\\p{N}]+|"#, "pre-tokenizer"), (#""fuse_unk":false"#, #""fuse_unk":true"#, "fuse_unk"),
            (#""dropout":null"#, #""dropout":0.1"#, "dropout"),
        ] {
            #expect(Self.message(without: json, replacing: [(old, new)]).contains(part == "BertProcessing" ? "RobertaProcessing" : part))
        }
    }

    @Test(.timeLimit(.minutes(60))) func corruptedFoldersAreReadOrRefused() throws {
        var random = SplitMix64(seed: 12)
        var read = 0
        for round in 0..<300 {
            try withTemporaryFolder { path in
                let broken = Self.files[round % Self.files.count]
                let absent = round % 2 == 0 ? "" : "vocab.json"
                for name in Self.files where name != absent {
                    let bytes = try Array(Data(contentsOf: URL(filePath: Self.folder + "/" + name)))
                    try Data(name == broken ? Corruption.corrupt(bytes, bytes, &random) : bytes).write(to: URL(filePath: path + "/" + name))
                }
                do throws(ModelFileError) {
                    let tokenizer = try CLIPTokenizer(folder: path)
                    let prompt = tokenizer.prompt("a photograph of an astronaut, é! <|endoftext|>", length: 12)
                    #expect(prompt.tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
                    read += 1
                } catch {}
            }
        }
        #expect((30..<270).contains(read), "\(read) folders were read")
    }
}
