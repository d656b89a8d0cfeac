import ArgumentParser
import Foundation
import ModelFiles
import Monge

/// `monge logits`: next-token scores after every position.
struct LogitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logits", abstract: "Writes one tensor \"logits\" [tokens, vocabulary], f32, and the token ids.")

    @OptionGroup var model: ModelOptions

    @Option(name: .long, help: "The text.")
    var prompt: String?

    @Option(name: .long, help: "The tokens themselves, for example 1,2,3.")
    var tokenIds: String?

    @OptionGroup var steering: SteerOptions

    @Option(name: .shortAndLong, help: "The safetensors file to write.")
    var out: String

    func validate() throws {
        if (prompt == nil) == (tokenIds == nil) { throw ValidationError("give either --prompt or --token-ids") }
    }

    mutating func run() throws {
        try Output.requireWritable(out)
        let steering = try steering.steering()
        let given = try tokenIds.map { text in
            try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
                guard let id = Int32(part.trimmingCharacters(in: .whitespaces)) else {
                    throw MongeError.usage("'\(part)' in --token-ids is not a number")
                }
                return id
            }
        }
        let model = try model.load()
        let tokens = given ?? model.tokenizer.encode(prompt!, addSpecial: true, parseSpecial: false)
        let logits = try model.logits(of: tokens, steering: steering)
        try SafetensorsWriter.write(
            [
                SafetensorsWriter.Entry(name: "logits", shape: [tokens.count, model.language.vocabularySize], floats: logits),
                SafetensorsWriter.Entry(name: "token_ids", shape: [tokens.count], integers: tokens),
            ], metadata: ["architecture": model.language.architecture, "fingerprint": model.language.fingerprint],
            to: out)
        Terminal.message("wrote \(out): \(tokens.count) tokens × \(model.language.vocabularySize) logits")
    }
}
