import ArgumentParser
import Foundation
import Monge
import Tokenizers

/// `monge generate`: continues prompts, steered or not, at one or several strengths.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Continues prompts, steered by maps at one or several strengths.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var steering: SteerOptions

    @Option(
        name: .long, parsing: .unconditional,
        help: "Strengths to compare side by side, for example -0.5,0,1; each replaces the λ of every --steer.", transform: Number.strengths)
    var strengths: Strengths?

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional, help: "The most tokens to add.", transform: Number.integer(from: 0))
    var tokens = 64

    @OptionGroup var sampling: SamplingOptions

    @Option(
        name: .long, parsing: .unconditional, help: "Continuations of each prompt at each strength.", transform: Number.samples)
    var samples = 1

    @Option(name: .long, help: "A word list, one a line: says how many continuations have one of them.")
    var words: String?

    @Flag(name: .long, help: "Wrap each prompt as a user's message in the model's chat layout.")
    var chat = false

    @OptionGroup var conversation: ConversationOptions

    @Flag(name: .long, help: "Print JSON: an array of {prompt, strength, sample, text, tokens, finished, conditionsMet}.")
    var json = false

    @OptionGroup var prompts: PromptOptions

    func validate() throws {
        if conversation.messages != nil, prompts.areNamed { throw ValidationError("give either prompts or --messages FILE") }
        if strengths != nil && steering.steer.isEmpty { throw ValidationError("--strengths needs a --steer FILE to apply them to") }
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
        /// Absent when the text is whole.
        var error: String?
        /// For each map whether the prompt met its condition, null for a map without one; absent where no map has one.
        var conditionsMet: [Bool?]?
    }

    mutating func run() throws {
        let messages = try conversation.conversation()
        let prompts = try messages.map { [$0.messages.last?.content ?? ""] } ?? self.prompts.read()
        let steers = try steering.steering()
        let words = try words.map { try WordList(contentsOf: URL(fileURLWithPath: $0)) }
        let options = sampling.options(tokens: tokens, defaults: GenerationOptions(special: conversation.special))
        let strengths: [Float?] = strengths.map { $0.values.map { $0 } } ?? [steers.count == 1 ? steers[0].strength : nil]
        // A sample draws the same numbers at every strength: what changes is the steering.
        let cases = prompts.enumerated().flatMap { index, prompt in
            strengths.flatMap { strength in
                (0..<samples).map { (index: index, prompt: prompt, strength: strength, sample: $0, stream: index * samples + $0) }
            }
        }
        let model = try model.load(unlessAsked: .fast)
        let texts = try isConversation ? rendered(messages.map { [$0] } ?? prompts.map(conversation.conversation), by: model) : prompts
        let requests = cases.map { item in
            GenerationRequest(
                texts[item.index], steering: steers.map { steer in Steer(steer.map, strength: item.strength ?? steer.strength) },
                stream: item.stream, name: prompts.count > 1 ? "prompt \(item.index + 1)" : "the prompt", isRendered: isConversation)
        }
        // A person who waits for one text sees it as it is made.
        if requests.count == 1, !json, words == nil, isatty(STDOUT_FILENO) == 1 {
            return try stream(requests[0], after: isConversation ? "" : prompts[0], by: model, options)
        }
        let generations = try ProgressBar.during { bar in try model.generate(requests, options: options, progress: bar.update) }
        let results = zip(cases, generations).map {
            Result(
                prompt: $0.prompt, strength: $0.strength, sample: $0.sample, text: $1.text, tokens: $1.tokens, finished: $1.isFinished,
                error: $1.failure?.description,
                conditionsMet: $1.metConditions.contains { $0 != nil } ? $1.metConditions : nil)
        }
        if json { try Output.json(results) } else { try show(results, strengths: strengths.count, words: words) }
        if !json {
            // A prompt's decision is the same at every strength and in every sample.
            for start in stride(from: 0, to: results.count, by: strengths.count * samples) {
                report(generations[start].metConditions, of: requests[start].name!)
            }
        }
        // The other texts are whole, and shown.
        let errors = results.compactMap(\.error)
        if let first = errors.first {
            throw MongeError.failed(first + (errors.count > 1 ? " (and \(errors.count - 1) more of \(results.count) texts)" : ""))
        }
    }

    /// Whether prompts are written in the model's chat layout.
    private var isConversation: Bool { chat || conversation.impliesChat }

    private func rendered(_ inputs: [ChatInput], by model: Model) throws -> [String] {
        let template = try model.chatTemplate()
        return try inputs.map { try template.render($0, addGenerationPrompt: true) }
    }

    /// Prints one continuation as it is made.
    private func stream(_ request: GenerationRequest, after prompt: String, by model: Model, _ options: GenerationOptions) throws {
        var failure: (any Error)?
        func write(_ text: String) -> Bool {
            do { try Output.text(text) } catch { failure = error }
            return failure == nil
        }
        _ = write(prompt)
        let generation = try model.generate([request], options: options, onPart: { write($0.text) })[0]
        _ = write("\n")
        if let failure { throw failure }
        report(generation.metConditions, of: request.name!)
        if let failure = generation.failure { throw failure }
    }

    /// Says which maps acted, where that hangs on the prompt.
    private func report(_ met: [Bool?], of prompt: String) {
        for (file, isMet) in zip(steering.files, met) {
            guard let isMet else { continue }
            Terminal.message(
                "\(prompt) \(isMet ? "meets" : "does not meet") the condition of \(file)\(isMet ? "" : ", which leaves it alone")")
        }
    }

    /// Prints results in their order: for each prompt, at each strength, its samples. They are told apart by their place, since two prompts
    /// may be equal.
    private func show(_ results: [Result], strengths: Int, words: WordList?) throws {
        for start in stride(from: 0, to: results.count, by: samples) {
            let group = results[start..<start + samples]
            if strengths > 1 || words != nil { try Output.line(heading(group, words)) }
            // With a word list many samples are drawn to be counted; a few are enough to be read.
            for result in words == nil ? group : group.prefix(2) {
                try Output.line((isConversation ? "" : result.prompt) + result.text)
                if strengths > 1 || results.count > 1 { try Output.line() }
            }
        }
    }

    /// - Parameter group: The samples of one prompt at one strength.
    private func heading(_ group: ArraySlice<Result>, _ words: WordList?) -> String {
        var parts = [String]()
        if let strength = group.first?.strength { parts.append("λ = \(String(format: "%g", strength))") }
        if let words {
            let count = group.count { !words.matches(in: $0.text).isEmpty }
            parts.append("on topic: \(count) of \(group.count) (\(100 * count / group.count) %)")
        }
        return "── " + parts.joined(separator: " · ") + " ──"
    }
}
