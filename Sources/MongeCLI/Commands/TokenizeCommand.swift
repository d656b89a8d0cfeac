import ArgumentParser
import Foundation
import Monge

/// `monge tokenize`: ids and pieces of a text.
struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tokenize", abstract: "Shows the ids and pieces of a text.")

    @Option(name: .shortAndLong, help: "A GGUF file, a Hugging Face folder, or a name from the cache (smollm2).")
    var model: String

    @Flag(name: .long, help: "Read special tokens such as <|im_start|> in the text as themselves.")
    var special = false

    @Flag(name: .long, help: "Print JSON: {\"ids\": [...], \"pieces\": [...]}.")
    var json = false

    @OptionGroup var text: TextOption

    mutating func run() throws {
        struct Tokens: Encodable {
            var ids: [Int32]
            var pieces: [String]
        }
        let text = try text.read()
        let tokenizer = try Model.loadTokenizer(ModelCatalogue.locate(model))
        let ids = tokenizer.encode(text, addSpecial: true, parseSpecial: special)
        let pieces = ids.map { String(decoding: tokenizer.piece($0), as: UTF8.self) }
        if json { return try Output.json(Tokens(ids: ids, pieces: pieces)) }
        // Quoted, so that spaces show; controls as Unicode escapes.
        func quoted(_ piece: String) -> String {
            let visible = piece.unicodeScalars.map { scalar in
                scalar.properties.generalCategory == .control ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }
            return "\"\(visible.joined())\""
        }
        try Output.table(["id", "piece"], zip(ids, pieces).map { [String($0), quoted($1)] })
    }
}
