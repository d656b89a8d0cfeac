import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// Small tokenizers trained and run by Hugging Face's `tokenizers`, one for each pre-tokenizer.
struct TokenizerJSONTests {
    struct Case: Decodable {
        let text: String
        let ids: [Int32]
        let special: Bool
        let withEnds: [Int32]
    }

    static let names = ["gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "gpt-4o"]

    static func tokenizer(_ name: String) throws -> any Tokenizer {
        try TokenizerRegistry.load(tokenizerJSON: JSONDocument(path: fixtures.appending(path: "tokenizer/tiny/\(name).json").path))
    }

    @Test(arguments: names)
    func encodesAsTheReference(_ name: String) throws {
        let tokenizer = try TokenizerJSONTests.tokenizer(name)
        #expect((tokenizer as? ByteLevelTokenizer)?.preTokenizer.rawValue == name)
        #expect(tokenizer.vocabularySize == 507)
        let cases = try JSONDecoder().decode([Case].self, from: fixture("tokenizer/tiny/\(name).cases.json"))
        #expect(cases.count >= 500)
        for item in cases {
            let what = "\(item.text.debugDescription), special \(item.special)"
            #expect(tokenizer.encode(item.text, addSpecial: false, parseSpecial: item.special) == item.ids, "\(what)")
            #expect(tokenizer.encode(item.text, addSpecial: true, parseSpecial: item.special) == item.withEnds, "\(what)")
        }
    }

    /// What a tokenizer asks for and is not known is refused, in a sentence that names it.
    @Test(arguments: [
        (#""type":"BPE","dropout":null"#, #""type":"BPE","dropout":0.1"#, "dropout"),
        (#""type":"BPE""#, #""type":"WordLevel""#, "WordLevel"),
        (#""byte_fallback":false"#, #""byte_fallback":true"#, "byte tokens"),
        (#""individual_digits":true"#, #""individual_digits":false"#, "pre-tokenizer"),
        (#""normalizer":null"#, #""normalizer":{"type":"Lowercase"}"#, "Lowercase"),
        (#""single_word":false"#, #""single_word":true"#, "single words"),
        (#""decoder":{"type":"ByteLevel""#, #""decoder":{"type":"WordPiece""#, "decoder"),
        (#""post_processor":{"type":"ByteLevel""#, #""post_processor":{"type":"BertProcessing""#, "BertProcessing"),
        (#"{"id":500,"#, #"{"id":499,"#, "499"),
        (#"{"id":500,"#, #"{"id":500000000,"#, "number"),
        (#""add_prefix_space":false"#, #""add_prefix_space":true"#, "prefix space"),
        (#"["Ġ","#, #"["ĠĠĠĠ","#, "merge"),
    ])
    func refusesWhatItDoesNotKnow(_ old: String, _ new: String, _ message: String) throws {
        let text = try String(decoding: fixture("tokenizer/tiny/smollm.json"), as: UTF8.self)
        try #require(text.contains(old))
        let changed = MappedFile(contents: Data(text.replacing(old, with: new).utf8), name: "tokenizer.json")
        let error = #expect(throws: ModelFileError.self) { try TokenizerRegistry.load(tokenizerJSON: JSONDocument(changed)) }
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
    }
}
