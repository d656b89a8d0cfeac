import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenizers

struct PreTokenizerTests {
    struct Case: Decodable {
        let text: String
        let words: [String]
    }

    /// The words are those that the reference regular expressions find, scalar for scalar.
    @Test(arguments: PreTokenizer.allCases)
    func splitsAsTheReference(_ preTokenizer: PreTokenizer) throws {
        let all = try JSONDecoder().decode([String: [Case]].self, from: fixture("tokenizer/splits.json"))
        let cases = try #require(all[preTokenizer.rawValue])
        #expect(cases.count >= 150)
        for item in cases {
            // Compared as scalars: strings that are canonically equivalent count as equal otherwise.
            let words = preTokenizer.split(item.text).map { Array($0.unicodeScalars) }
            #expect(words == item.words.map { Array($0.unicodeScalars) }, "\(item.text.debugDescription)")
        }
    }
}
