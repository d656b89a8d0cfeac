import Foundation
import TestSupport
import Testing
import Tokenizers

extension SmolLM2 {
    /// Its tokenizer, read once for all tests.
    static let tokenizer = Result { try TokenizerRegistry.load(file.get()) }
}

struct SmolLM2TokenizerTests {
    /// Every case of the fixture, made with Hugging Face's `tokenizers`, gives the same tokens.
    @Test func encodesAsTheReference() throws {
        let tokenizer = try SmolLM2.tokenizer.get()
        let cases = try JSONDecoder().decode(TokenizerFixture.self, from: fixture("tokenizer/smollm.json")).cases
        #expect(cases.count >= 700)
        for item in cases {
            let tokens = tokenizer.encode(item.text, addSpecial: false, parseSpecial: item.special)
            #expect(tokens == item.ids, "\(item.text.debugDescription), special \(item.special)")
        }
    }
}
