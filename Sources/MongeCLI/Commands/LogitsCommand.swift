import ArgumentParser
import Foundation
import ModelFiles
import Monge

/// `monge logits`: next-token scores after every position.
struct LogitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logits", abstract: "Writes one tensor \"logits\" [tokens, vocabulary], f32, and the token ids.")

    @OptionGroup var model: ModelOptions

    @OptionGroup var text: TextOption

    @Option(
        name: .long, parsing: .unconditional, help: "The tokens themselves, for example 1,2,3.", transform: Number.tokens)
    var tokenIds: [Int32]?

    @OptionGroup var steering: SteerOptions

    @Option(name: .shortAndLong, help: "The safetensors file to write.")
    var out: String

    func validate() throws {
        if tokenIds != nil && (text.prompt ?? text.text) != nil { throw ValidationError("give either a text or --token-ids") }
    }

    mutating func run() throws {
        try NamedFile.check(outputs: [NamedFile("--out", out)], inputs: model.inputs + steering.inputs)
        let steering = try steering.steering()
        let text = try tokenIds == nil ? text.read() : ""
        let model = try model.load(unlessAsked: .exact)
        let tokens = tokenIds ?? model.tokenizer.encode(text, addSpecial: true, parseSpecial: false)
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
