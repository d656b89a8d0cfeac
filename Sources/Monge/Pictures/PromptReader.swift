import ModelFiles
import Models
import Tokenizers

/// Turns prompts into tokens for each of a model's text encoders.
package struct PromptReader {
    private let encoders: [(tokenizer: CLIPTokenizer, length: Int)]

    /// - Parameter lengths: The tokens that each encoder takes.
    init(_ folder: DiffusersFolder, lengths: [Int]) throws {
        let names = ["tokenizer", "tokenizer_2"].filter { folder.componentClass($0) != nil }
        guard names.count == lengths.count else {
            throw MongeError.failed("\(folder.name): model_index.json names \(names.count) tokenizers for \(lengths.count) text encoders")
        }
        encoders = try zip(names, lengths).map { name, length in
            let tokenizer = try CLIPTokenizer(folder: folder.path(name))
            return (tokenizer, min(tokenizer.contextLength ?? length, length))
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
                warn("'\(prompt.beginning)' has more than \(length - 2) tokens, the end was cut: '\(removed)'")
                break
            }
        }
    }
}
