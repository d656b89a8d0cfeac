import ModelFiles
import Models
import Tokenizers

/// Turns prompts into tokens for each of a model's text encoders.
package struct PromptReader {
    private let encoders: [(tokenizer: any PromptTokenizer, length: Int)]

    /// - Parameter lengths: The tokens that each encoder takes.
    init(_ files: any DiffusionFiles, lengths: [Int]) throws {
        let names = ["tokenizer", "tokenizer_2"].filter { files.componentClass($0) != nil }
        guard names.count == lengths.count else {
            throw MongeError.failed("\(files.name): model_index.json names \(names.count) tokenizers for \(lengths.count) text encoders")
        }
        encoders = try zip(names, lengths).map { name, length in
            let tokenizer = try Self.tokenizer(name, files)
            return (tokenizer, min(tokenizer.contextLength ?? length, length))
        }
    }

    private static func tokenizer(_ name: String, _ files: any DiffusionFiles) throws -> any PromptTokenizer {
        switch try files.tokenizerFiles(name) {
        case .gguf(let file):
            guard let tokenizer = try TokenizerRegistry.load(file) as? any PromptTokenizer else {
                throw MongeError.failed("\(file.name): the tokenizer is none of a text encoder that Monge runs")
            }
            return tokenizer
        case .folder(let path):
            let isT5 = files.componentClass(name)?.hasPrefix("T5") == true
            return isT5 ? try UnigramTokenizer(folder: path) : try CLIPTokenizer(folder: path)
        }
    }

    func tokens(_ prompt: String) -> PromptTokens {
        PromptTokens(byEncoder: encoders.map { $0.tokenizer.prompt(prompt, length: $0.length).tokens })
    }

    /// Says, in a sentence, which texts are longer than the encoders take.
    func reportCuts(_ prompts: some Sequence<String>, warn: (String) -> Void) {
        var seen = Set<String>()
        for prompt in prompts where seen.insert(prompt).inserted {
            for (tokenizer, length) in encoders {
                guard let removed = tokenizer.prompt(prompt, length: length).removed else { continue }
                warn(
                    "'\(prompt.beginning)' has more than \(length - tokenizer.prefix.count - tokenizer.suffix.count) tokens, the end was cut: '\(removed)'"
                )
                break
            }
        }
    }
}
