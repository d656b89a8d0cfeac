import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

struct TokenizerTests {
    static func tokenizer(_ change: (inout GGUFBuilder) -> Void = { _ in }) throws -> any Tokenizer {
        var builder = GGUFBuilder.sample
        change(&builder)
        return try TokenizerRegistry.load(GGUFFile(builder.mapped))
    }

    static func replace(_ builder: inout GGUFBuilder, _ key: String, _ type: UInt32, _ value: [UInt8]) {
        builder.metadata.removeAll { $0.key == key }
        builder.add(key, type, value)
    }

    @Test func endsAreAddedAsTheFileSays() throws {
        let tokenizer = try TokenizerTests.tokenizer()
        #expect(tokenizer.encode("ab ab", addSpecial: true, parseSpecial: false) == [0, 4, 5])
        #expect(tokenizer.encode("", addSpecial: true, parseSpecial: false) == [0])
        let other = try TokenizerTests.tokenizer {
            TokenizerTests.replace(&$0, "tokenizer.ggml.add_bos_token", 7, [0])
            $0.add("tokenizer.ggml.add_eos_token", 7, [1])
            $0.add("tokenizer.ggml.eos_token_id", 4, GGUFBuilder.bytes(UInt32(6)))
        }
        #expect(other.encode("ab", addSpecial: true, parseSpecial: false) == [4, 6])
        #expect(other.beginOfSequence == 0)
        #expect(other.endOfSequence == 6)
        #expect(other.stopTokens == [6])
    }

    /// Control tokens are read only when asked for, user-defined tokens always.
    @Test func addedTokensAreFound() throws {
        let tokenizer = try TokenizerTests.tokenizer()
        #expect(tokenizer.encode("a<s>b", addSpecial: false, parseSpecial: true) == [1, 0, 2])
        // Without a token for <, s and >, these bytes are left out.
        #expect(tokenizer.encode("a<s>b", addSpecial: false, parseSpecial: false) == [1, 2])
        #expect(tokenizer.encode("a<x>b", addSpecial: false, parseSpecial: false) == [1, 6, 2])
        #expect(tokenizer.kind(0) == .control)
        #expect(tokenizer.kind(6) == .userDefined)
        #expect(tokenizer.kind(7) == nil)
        #expect(tokenizer.kind(-1) == nil)
        #expect(tokenizer.token("Ġab") == 5)
    }

    @Test func piecesAreBytes() throws {
        let tokenizer = try TokenizerTests.tokenizer()
        #expect(tokenizer.piece(5) == Array(" ab".utf8))
        #expect(tokenizer.piece(0) == Array("<s>".utf8))
        #expect(tokenizer.piece(7).isEmpty)
        #expect(tokenizer.piece(.min).isEmpty)
        #expect(tokenizer.decode([0, 4, 5, 6]) == "ab ab<x>")
        #expect(tokenizer.decode([0, 4, 5, 6], includingControl: true) == "<s>ab ab<x>")
    }

    @Test func unknownKindsAreRefused() {
        func expect(_ message: String, _ change: (inout GGUFBuilder) -> Void) {
            let error = #expect(throws: ModelFileError.self, "\(message)") { try TokenizerTests.tokenizer(change) }
            #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
        }
        expect("'bert' is not known (known: gpt2") {
            TokenizerTests.replace(&$0, "tokenizer.ggml.model", 8, GGUFBuilder.string("bert"))
        }
        expect("'viking' is not known (known: gpt-2, smollm, llama-bpe, qwen2, tekken, gpt-4o, default)") {
            TokenizerTests.replace(&$0, "tokenizer.ggml.pre", 8, GGUFBuilder.string("viking"))
        }
        expect("merge 0") { TokenizerTests.replace(&$0, "tokenizer.ggml.merges", 9, GGUFBuilder.strings(["a z"])) }
        expect("merge 0") { TokenizerTests.replace(&$0, "tokenizer.ggml.merges", 9, GGUFBuilder.strings(["ab"])) }
        expect("are both 'a'") {
            TokenizerTests.replace(&$0, "tokenizer.ggml.tokens", 9, GGUFBuilder.strings(Array(repeating: "a", count: 7)))
        }
        expect("has 1 elements for 7 tokens") {
            TokenizerTests.replace(&$0, "tokenizer.ggml.token_type", 9, GGUFBuilder.array(5, [GGUFBuilder.bytes(Int32(1))]))
        }
        expect("there are 7 tokens") { TokenizerTests.replace(&$0, "tokenizer.ggml.bos_token_id", 4, GGUFBuilder.bytes(UInt32(7))) }
        expect("'tokenizer.ggml.bos_token_id'") { $0.metadata.removeAll { $0.key == "tokenizer.ggml.bos_token_id" } }
        expect("'tokenizer.ggml.merges'") { $0.metadata.removeAll { $0.key == "tokenizer.ggml.merges" } }
    }

    /// What is encoded comes back, but for the bytes that SmolLM2 has no token for.
    @Test func decodingUndoesEncoding() throws {
        let tokenizer = try SmolLM2.tokenizer.get()
        let cases = try JSONDecoder().decode(TokenizerFixture.self, from: fixture("tokenizer/smollm.json")).cases
        var compared = 0
        for item in cases where item.special {
            let text = tokenizer.decode(item.ids, includingControl: true)
            guard text.utf8.count == item.text.utf8.count else { continue }
            compared += 1
            #expect(Array(text.utf8) == Array(item.text.utf8))
        }
        #expect(compared > 600)
    }

    /// Pieces that come one by one give the text of all at once, and nothing is shown before it is complete.
    @Test func streamsGiveTheSameText() throws {
        let tokenizer = try SmolLM2.tokenizer.get()
        let cases = try JSONDecoder().decode(TokenizerFixture.self, from: fixture("tokenizer/smollm.json")).cases
        for item in cases {
            var decoder = StreamDecoder(tokenizer, includingControl: true)
            let whole = tokenizer.decode(item.ids, includingControl: true)
            var bytes: [UInt8] = []
            for token in item.ids {
                let part = decoder.append(token)
                bytes += Array(part.utf8)
                #expect(whole.contains("\u{FFFD}") || !part.contains("\u{FFFD}"), "\(item.text.debugDescription)")
            }
            bytes += Array(decoder.finish().utf8)
            #expect(bytes == Array(whole.utf8))
        }
    }

    /// Tokens in any order, so that their bytes are mostly no UTF-8: the parts still add up to the whole.
    @Test func streamsOfAnyTokensGiveTheSameText() throws {
        let tokenizer = try SmolLM2.tokenizer.get()
        var random = SplitMix64(seed: 11)
        // Single bytes and their neighbours are the numbers below 300; with them characters break in every way.
        for _ in 0..<2_000 {
            let tokens = (0..<12).map { _ in Int32.random(in: 0..<300, using: &random) }
            var decoder = StreamDecoder(tokenizer)
            var bytes: [UInt8] = []
            for token in tokens { bytes += Array(decoder.append(token).utf8) }
            bytes += Array(decoder.finish().utf8)
            #expect(bytes == Array(tokenizer.decode(tokens).utf8), "\(tokens)")
        }
    }

    /// A word as long as a book is merged in time that grows little faster than its length.
    @Test(.timeLimit(.minutes(60))) func longWordsAreEncoded() throws {
        let tokenizer = try SmolLM2.tokenizer.get()
        for text in [String(repeating: "a", count: 300_000), String(repeating: " ", count: 300_000)] {
            let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            #expect(tokenizer.decode(tokens) == text)
        }
    }

    /// Encoding a long text is encoding its parts: the words remembered from one part do not change the next.
    @Test(.timeLimit(.minutes(60))) func longTextsAreEncoded() throws {
        let tokenizer = try SmolLM2.tokenizer.get()
        let cases = try JSONDecoder().decode(TokenizerFixture.self, from: fixture("tokenizer/smollm.json")).cases
        // Digits are words of their own wherever they stand, so that no other word reaches across them.
        let texts = (0..<30).flatMap { _ in cases }.filter(\.special)
        let text = texts.map(\.text).joined(separator: "0")
        let digit = tokenizer.encode("0", addSpecial: false, parseSpecial: false)
        let expected = texts.dropFirst().reduce(texts[0].ids) { $0 + digit + $1.ids }
        #expect(tokenizer.encode(text, addSpecial: false, parseSpecial: true) == expected)
    }
}
