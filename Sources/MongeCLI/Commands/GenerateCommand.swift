import ArgumentParser
import Foundation
import Monge

/// `monge generate`: continues prompts, steered or not, at one or several strengths.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Continues prompts, steered by maps at one or several strengths.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var steering: SteerOptions

    @Option(name: .long, help: "Strengths to compare side by side, for example 0,0.5,1; each replaces the λ of every --steer.")
    var strengths: Numbers?

    @Option(name: .long, help: "The most tokens to add.")
    var tokens = 64

    @Option(name: .long, help: "0 takes the most likely token; logits are divided by it otherwise.")
    var temperature: Float = 1

    @Option(name: .long, help: "Draw from the k most likely tokens only; 0 for all.")
    var topK = 0

    @Option(name: .long, help: "Draw from the smallest set of tokens that reaches this probability; 1 for all.")
    var topP: Float = 1

    @Option(name: .long, help: "Above 1, tokens already in the text become less likely.")
    var repetitionPenalty: Float = 1

    @Option(name: .long, help: "The same seed gives the same text on one device.")
    var seed: UInt64 = 0

    @Option(name: .long, help: "Continuations of each prompt at each strength.")
    var samples = 1

    @Option(name: .long, help: "A word list, one a line: says how many continuations have one of them.")
    var words: String?

    @Flag(name: .long, help: "Wrap each prompt as a user's message in the model's chat layout.")
    var chat = false

    @Flag(name: .long, help: "Print JSON: an array of {prompt, strength, sample, text, tokens, finished}.")
    var json = false

    @Option(name: .long, help: "A file of prompts: .txt, .jsonl, .csv or .tsv.")
    var prompts: String?

    @Option(name: .long, help: "The column of the prompts in a .csv or .tsv file.")
    var column: String?

    @Argument(help: "Prompts.")
    var prompt: [String] = []

    func validate() throws {
        if prompts == nil && prompt.isEmpty { throw ValidationError("give a prompt, or --prompts FILE") }
        if prompts != nil && !prompt.isEmpty { throw ValidationError("give either prompts or --prompts FILE") }
        if strengths != nil && steering.steer.isEmpty { throw ValidationError("--strengths needs a --steer FILE to apply them to") }
        if samples < 1 { throw ValidationError("--samples is \(samples), expected 1 or more") }
    }

    /// A continuation as `--json` prints it.
    private struct Result: Encodable {
        var prompt: String
        /// Absent when the model is not steered, or each map has a λ of its own.
        var strength: Float?
        var sample: Int
        var text: String
        var tokens: [Int32]
        var finished: Bool
    }

    mutating func run() throws {
        let prompts = try self.prompts.map { try Sentences.read($0, column: column) } ?? prompt
        let steers = try steering.steering()
        let words = try words.map { try WordList(contentsOf: URL(fileURLWithPath: $0)) }
        let options = GenerationOptions(
            tokens: tokens, temperature: temperature, topK: topK, topP: topP, repetitionPenalty: repetitionPenalty, seed: seed, chat: chat)
        let strengths: [Float?] = strengths.map { $0.values.map { $0 } } ?? [steers.count == 1 ? steers[0].strength : nil]
        // A sample draws the same numbers at every strength: what changes is the steering.
        let cases = prompts.enumerated().flatMap { index, prompt in
            strengths.flatMap { strength in
                (0..<samples).map { (prompt: prompt, strength: strength, sample: $0, stream: index * samples + $0) }
            }
        }
        let model = try model.load()
        let generations = try ProgressBar.during { bar in
            try model.generate(
                cases.map { item in
                    GenerationRequest(
                        item.prompt,
                        steering: steers.map { steer in Steer(steer.map, strength: item.strength ?? steer.strength) }, stream: item.stream)
                }, options: options, progress: bar.update)
        }
        let results = zip(cases, generations).map {
            Result(
                prompt: $0.prompt, strength: $0.strength, sample: $0.sample, text: $1.text, tokens: $1.tokens, finished: $1.isFinished)
        }
        if json { return try Output.json(results) }
        show(results, prompts: prompts, words: words)
    }

    private func show(_ results: [Result], prompts: [String], words: WordList?) {
        for prompt in prompts {
            let ofPrompt = results.filter { $0.prompt == prompt }
            var strengths = [Float?]()
            for result in ofPrompt where !strengths.contains(result.strength) { strengths.append(result.strength) }
            for strength in strengths {
                let group = ofPrompt.filter { $0.strength == strength }
                if strengths.count > 1 || words != nil { print(heading(strength, group, words)) }
                // With a word list many samples are drawn to be counted; a few are enough to be read.
                for result in words == nil ? group[...] : group.prefix(2) {
                    print((chat ? "" : prompt) + result.text)
                    if strengths.count > 1 || results.count > 1 { print() }
                }
            }
        }
    }

    private func heading(_ strength: Float?, _ group: [Result], _ words: WordList?) -> String {
        var parts = [String]()
        if let strength { parts.append("λ = \(String(format: "%g", strength))") }
        if let words {
            let count = group.count { !words.matches(in: $0.text).isEmpty }
            parts.append("on topic: \(count) of \(group.count) (\(100 * count / group.count) %)")
        }
        return "── " + parts.joined(separator: " · ") + " ──"
    }
}
